import { z } from '@hono/zod-openapi';
import { ATTEMPT_OUTCOMES, RUN_STATUSES } from '../../core/states.ts';
import { instant, tokens, usd } from './output-fields.ts';

export const runErrorSchema = z
  .object({
    code: z.string(),
    message: z.string().describe('Safe to show to an end user.'),
    retryable: z.boolean(),
    detail: z.string().optional().describe('What really went wrong. For keys of operators only.'),
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
        'null: it is at work. `handed_back`: its worker left, or could not begin it for what its machine lacked; `waiting`: it was given up so that the run waits for a person. Neither counts as an attempt.',
      ),
    errorCode: z.string().nullable(),
    errorDetail: z
      .string()
      .nullable()
      .describe('What really went wrong. Attempts are shown to keys of operators only.'),
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    claudeCodeVersion: z.string().nullable(),
    meteredCostUsd: usd().describe("By the gateway's count, USD."),
    reportedCostUsd: usd()
      .nullable()
      .describe("By the Agent SDK's count, USD; null when the process ended without saying."),
    peakMemoryBytes: z.int().nullable().describe('The most memory its processes held together.'),
  })
  .openapi('Attempt');

export const runSchema = z
  .object({
    id: z.uuid(),
    agent: z.string(),
    status: z.enum(RUN_STATUSES),
    waitingFor: z.string().nullable(),
    prompt: z.string(),
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
      maxMemoryMb: z.int().describe('For all of its processes together.'),
      maxPromptLength: z.int(),
    }),
    result: z.string().nullable(),
    structuredOutput: z.unknown(),
    // Not `nullable`, which would make `RunError` itself so, for all that name it.
    error: z.union([runErrorSchema, z.null()]),
    costUsd: usd(),
    usage: z.object(tokens),
    modelUsage: z.record(z.string(), z.object({ ...tokens, costUsd: usd() })),
    turns: z.int(),
    durationMs: z.int().nullable(),
    toolUses: z.record(z.string(), z.int()),
    createdAt: instant(),
    startAfter: instant().nullable(),
    startedAt: instant().nullable(),
    finishedAt: instant().nullable(),
    retryOf: z.uuid().nullable(),
    scheduleId: z.uuid().nullable().describe('The schedule that made it.'),
    scheduledFor: instant().nullable().describe('The tick of its schedule it is for; null: triggered by hand.'),
    attempts: z.array(attemptSchema).optional().describe('One run alone, for keys of operators.'),
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
        'It was said into this run, at work: the id of that message, in its `run.message` once the model has it. One that the run ends without becomes a run of its own, with this for its id.',
      ),
  })
  .openapi('AcceptedRun');

export type RunResource = z.input<typeof runSchema>;
export type AcceptedRunResource = z.input<typeof acceptedRunSchema>;
