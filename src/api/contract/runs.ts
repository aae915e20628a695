import { z } from '@hono/zod-openapi';
import { ATTEMPT_OUTCOMES, RUN_STATUSES } from '../../core/states.ts';
import { attachmentSchema } from './files.ts';
import { instant, refusalCategory, tokens, usd } from './output-fields.ts';

export const runErrorSchema = z
  .object({
    code: z.string(),
    message: z.string().describe('Safe to show to an end user.'),
    retryable: z.boolean(),
    category: refusalCategory(),
    detail: z.string().optional().describe('The actual cause. For operator keys only.'),
  })
  .openapi('RunError');

export const attemptSchema = z
  .object({
    number: z.int(),
    workerId: z.uuid(),
    startedAt: instant(),
    finishedAt: instant().nullable(),
    outcome: z
      .enum(ATTEMPT_OUTCOMES)
      .nullable()
      .describe(
        'Null while the attempt is running. `handed_back`: its worker stopped, or could not start it because its machine lacked something. `waiting`: it was given up so that the run waits for a person. Neither counts as an attempt.',
      ),
    errorCode: z.string().nullable(),
    errorDetail: z.string().nullable().describe('The actual cause. Attempts are shown to operator keys only.'),
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    claudeCodeVersion: z.string().nullable(),
    meteredCostUsd: usd().describe('Cost measured by the gateway, USD.'),
    reportedCostUsd: usd()
      .nullable()
      .describe('Cost reported by the Agent SDK, USD; null when the process ended without a report.'),
    peakMemoryBytes: z.int().nullable().describe('Peak memory of all its processes together.'),
  })
  .openapi('Attempt');

export const runSchema = z
  .object({
    id: z.uuid(),
    agent: z.string(),
    status: z.enum(RUN_STATUSES),
    waitingFor: z.string().nullable(),
    prompt: z.string(),
    attachments: z.array(attachmentSchema).describe('In the order in which the agent reads them.'),
    user: z.string().nullable(),
    team: z.string().nullable(),
    sessionId: z.uuid(),
    metadata: z.record(z.string(), z.unknown()),
    priority: z.int(),
    attempt: z.int(),
    maxAttempts: z.int(),
    limits: z.object({
      maxBudgetUsd: usd(),
      maxTurns: z.int(),
      maxThinkingTokens: z.int(),
      timeoutSeconds: z.number(),
      maxMemoryMb: z.int().describe('For all processes of the run together.'),
      maxPromptLength: z.int(),
    }),
    result: z.string().nullable(),
    structuredOutput: z.unknown(),
    // Not `nullable`, which would make `RunError` itself nullable wherever it is used.
    error: z.union([runErrorSchema, z.null()]),
    costUsd: usd(),
    isAtCeiling: z
      .boolean()
      .describe('True when the run has cost as much as `limits.maxBudgetUsd` allows, or more: it can spend no more.'),
    usage: z.object(tokens),
    modelUsage: z.record(z.string(), z.object({ ...tokens, costUsd: usd() })),
    turns: z.int(),
    durationMs: z.int().nullable(),
    toolUses: z.record(z.string(), z.int()),
    deniedToolUses: z
      .record(z.string(), z.int())
      .describe('The part of `toolUses` that was denied by the rules of the agent, its hooks or a person.'),
    createdAt: instant(),
    startAfter: instant().nullable(),
    startedAt: instant().nullable(),
    finishedAt: instant().nullable(),
    retryOf: z.uuid().nullable(),
    scheduleId: z.uuid().nullable().describe('The schedule that submitted the run.'),
    scheduledFor: instant().nullable().describe('The tick of the schedule; null when the run was triggered by hand.'),
    attempts: z.array(attemptSchema).optional().describe('Set when a single run is read with an operator key.'),
    links: z.object({
      self: z.string(),
      events: z.string(),
      approvals: z.string(),
      cancel: z.string(),
      retry: z.string(),
    }),
  })
  .openapi('Run');

export const acceptedRunSchema = runSchema
  .extend({
    messageId: z
      .uuid()
      .optional()
      .describe(
        'Set if the prompt was delivered as a message to a running run: the id of the message, which its `run.message` event carries once the model has it. If the run ends before the model reads it, a new run with this id is created.',
      ),
  })
  .openapi('AcceptedRun');

export type RunResource = z.input<typeof runSchema>;
export type AcceptedRunResource = z.input<typeof acceptedRunSchema>;
