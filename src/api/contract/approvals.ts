import { z } from '@hono/zod-openapi';
import { APPROVAL_KINDS, APPROVAL_STATUSES } from '../../core/approvals.ts';
import { text } from '../input-fields.ts';
import { instant } from './output-fields.ts';

const MAX_REASON_LENGTH = 2_000;
const MAX_ANSWERS = 50;
const MAX_ANSWER_LENGTH = 10_000;

const answer = () =>
  z
    .union(
      [
        text().max(MAX_ANSWER_LENGTH, `must be at most ${MAX_ANSWER_LENGTH} characters`),
        z.array(text().max(MAX_ANSWER_LENGTH, `must be at most ${MAX_ANSWER_LENGTH} characters`)).max(MAX_ANSWERS),
      ],
      'must be a text, or a list of texts where several may be chosen',
    )
    .openapi({ example: 'Blue' });

export const decisionSchema = z
  .strictObject({
    decision: z.enum(['allow', 'deny'], 'must be "allow" or "deny"'),
    reason: text()
      .max(MAX_REASON_LENGTH, `must be at most ${MAX_REASON_LENGTH} characters`)
      .optional()
      .describe('The reason for a denial. The model receives it.'),
    updatedInput: z
      .record(z.string(), z.unknown(), 'must be an object')
      .optional()
      .describe('Input that replaces the requested input of the tool. The same checks apply to it.'),
    answers: z
      .record(z.string(), answer(), 'must be an object of answers by question')
      .refine((answers) => Object.keys(answers).length <= MAX_ANSWERS, `must be at most ${MAX_ANSWERS} answers`)
      .optional()
      .describe("For a question: each question's text with its answer, which is the label of an option or free text."),
  })
  .openapi('Decision', { example: { decision: 'deny', reason: 'Not in production.' } });

export const approvalSchema = z
  .object({
    id: z.uuid(),
    runId: z.uuid(),
    sessionId: z.uuid(),
    user: z.string().nullable(),
    team: z.string().nullable(),
    agent: z.string(),
    attempt: z.int(),
    kind: z
      .enum(APPROVAL_KINDS)
      .describe(
        '`question`: the agent asks the user; `tool.input.questions` has the questions. `custom`: the client of the session runs the tool; only its result decides.',
      ),
    tool: z.object({
      name: z.string(),
      input: z.unknown().describe('The requested input. Everything that looks like a key is masked.'),
      useId: z.string(),
    }),
    subagent: z.string().nullable(),
    status: z.enum(APPROVAL_STATUSES),
    updatedInput: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('Input that replaced the requested input; for a question `{ answers }`.'),
    reason: z.string().nullable(),
    decidedBy: z.string().nullable(),
    requestedAt: instant(),
    expiresAt: instant().describe('When the approval is denied if no decision was made.'),
    decidedAt: instant().nullable(),
    takenUpAt: instant()
      .nullable()
      .describe(
        'When the agent continued with the decision; null until then. If it is null for an `allowed` approval of a finished run, the tool never ran.',
      ),
    links: z.object({ self: z.string(), run: z.string() }),
  })
  .openapi('Approval');

export type DecisionRequest = z.input<typeof decisionSchema>;
export type ApprovalResource = z.infer<typeof approvalSchema>;
