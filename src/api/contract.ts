import { z } from '@hono/zod-openapi';
import { RUN_STATUSES } from '../core/states.ts';
import { id, text, time } from './input-fields.ts';

/** The HTTP contract, v1: what goes in and what comes out. JSON in camelCase, times ISO 8601 UTC, money in USD. */

const usd = () => z.number().describe('USD, at most 6 decimals.');
const instant = () => z.iso.datetime().describe('ISO 8601, UTC.');
const tokens = {
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheReadTokens: z.int(),
  cacheCreationTokens: z.int(),
};

export const limitsSchema = z
  .strictObject(
    {
      maxBudgetUsd: z.number('must be an amount in USD').min(0, 'must be 0 or more').optional(),
      maxTurns: z.int('must be a whole number').min(0, 'must be 0 or more').optional(),
      maxThinkingTokens: z.int('must be a whole number').min(0, 'must be 0 or more').optional(),
      timeoutSeconds: z.number('must be a number of seconds').min(0, 'must be 0 or more').optional(),
    },
    'must be an object',
  )
  .describe("Limits of this run alone. They can only be lower than the agent's own.");

export const submissionSchema = z
  .strictObject(
    {
      agent: z
        .string('must be the name of an agent')
        .min(1, 'must be the name of an agent')
        .max(64, 'must be the name of an agent'),
      prompt: text()
        .min(1, 'must not be empty')
        .describe('What the agent is to do. Data: never expanded, never interpreted.'),
      user: text()
        .min(1, 'must not be empty')
        .max(200, 'must have at most 200 characters')
        .optional()
        .describe("The application's own end user the run is for."),
      // Not a record, which would drop a key "__proto__" without a word.
      metadata: z.custom<Record<string, unknown>>(isObject, 'must be an object').optional().openapi({
        type: 'object',
        additionalProperties: true,
        description: 'Kept with the run and returned as given; at most 16 KB and 100 levels deep.',
      }),
      priority: z
        .int('must be a whole number')
        .min(-100, 'must be between -100 and 100')
        .max(100, 'must be between -100 and 100')
        .optional()
        .describe('Higher goes first. Defaults to 0.'),
      startAfter: time().optional().describe('Not to start before. Defaults to at once.'),
      limits: limitsSchema.optional(),
    },
    'must be an object',
  )
  .openapi('Submission');

/** Which runs to try again. */
export const retrySelectionSchema = z
  .strictObject(
    {
      ids: z
        .array(id("must be a run's id, a UUID"), 'must be a list of ids')
        .min(1, 'must name at least one run')
        .max(1_000, 'must name at most 1000 runs')
        .optional()
        .describe('The runs. Without it: those that have failed and were not tried again yet, newest first.'),
      agent: text().optional(),
      user: text().optional(),
      errorCode: text().optional().describe('Only those that ended with this error code.'),
      from: time().optional().describe('Submitted at or after.'),
      to: time().optional().describe('Submitted before.'),
      limit: z
        .int('must be a whole number')
        .min(1, 'must be between 1 and 1000')
        .max(1_000, 'must be between 1 and 1000')
        .optional()
        .describe('Runs at most. Defaults to 200.'),
    },
    'must be an object',
  )
  .openapi('RetrySelection');

export const skippedRunSchema = z.object({ id: z.uuid(), code: z.string(), message: z.string() }).openapi('SkippedRun');

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
    outcome: z.string().nullable(),
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
      maxPromptLength: z.int(),
    }),
    result: z.string().nullable(),
    structuredOutput: z.unknown(),
    error: runErrorSchema.nullable(),
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
    attempts: z.array(attemptSchema).optional().describe('One run alone, for keys of operators.'),
    links: z.object({ self: z.string(), events: z.string(), cancel: z.string(), retry: z.string() }),
  })
  .openapi('Run');

export const eventSchema = z
  .object({
    runId: z.uuid(),
    seq: z.int().describe('Counts from 1 without a gap. The cursor for `Last-Event-ID` and `after`.'),
    type: z.string(),
    at: instant(),
    attempt: z.int(),
    data: z.record(z.string(), z.unknown()),
  })
  .openapi('Event');

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .openapi('Problem');

export const agentSchema = z
  .object({
    name: z.string(),
    model: z.string(),
    tools: z.array(z.string()),
    permissionMode: z.string(),
    queue: z.string(),
    limits: runSchema.shape.limits,
  })
  .openapi('Agent');

export const queueSchema = z
  .object({
    name: z.string(),
    waiting: z.int(),
    delayed: z.int(),
    oldestWaitSeconds: z.number().nullable(),
    pausedAt: instant().nullable(),
  })
  .openapi('Queue');

export const workerSchema = z
  .object({
    id: z.uuid(),
    host: z.string(),
    pid: z.int(),
    version: z.string(),
    slots: z.int(),
    running: z.int(),
    freeMemoryBytes: z.int().nullable().describe('Memory that new processes may take, by machine and control group.'),
    spares: z.int().describe('Processes that are started and wait for a run.'),
    containment: z
      .string()
      .nullable()
      .describe("What holds an attempt's processes together: `pid_namespace`, `parent_death_signal` or `mark`."),
    state: z
      .enum(['working', 'holding', 'draining'])
      .describe('`holding`: it leaves runs queued though it has slots. `draining`: it takes none and leaves.'),
    holdingReason: z.string().nullable().describe('Why runs are left queued, such as memory that is short.'),
    startedAt: instant(),
    heartbeatAt: instant(),
  })
  .openapi('Worker');

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Submission = z.input<typeof submissionSchema>;
export type RunResource = z.input<typeof runSchema>;
export type RetrySelection = z.input<typeof retrySelectionSchema>;
export type SkippedRun = z.input<typeof skippedRunSchema>;
export type WorkerResource = z.infer<typeof workerSchema>;
export type EventResource = z.infer<typeof eventSchema>;
export type Problem = z.infer<typeof problemSchema>;
