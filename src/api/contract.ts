import { z } from '@hono/zod-openapi';
import { AUDIT_ACTIONS } from '../audit/actions.ts';
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
      team: text()
        .min(1, 'must not be empty')
        .max(200, 'must have at most 200 characters')
        .optional()
        .describe('Whose budget the run counts for beside its user’s, such as a customer or a department.'),
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
    budget: z
      .object({
        scope: z.enum(['user', 'team', 'global']),
        period: z.enum(['day', 'month']),
        limitUsd: usd()
          .optional()
          .describe("Figures of a team and of all are for keys of operators; a user's own for every key."),
        spentUsd: usd().optional(),
        reservedUsd: usd().optional().describe('Set aside for runs that are not over.'),
        resetsAt: instant(),
      })
      .optional()
      .describe('With 402: the budget that has no room.'),
  })
  .openapi('Problem');

export const auditEntrySchema = z
  .object({
    id: z.int().describe('In the order of writing.'),
    seq: z.int().nullable().describe('Its place in the chain; null for the moment until it is chained.'),
    at: instant().describe('ISO 8601, UTC, to the microsecond.'),
    actor: z.string().describe('`key:ID (NAME)`, `worker:ID` or `system`.'),
    action: z.enum(AUDIT_ACTIONS),
    subject: z.string().describe("What it was done to, such as a run's id."),
    data: z.unknown().describe('What is to be known of it; anything that looks like a key is masked.'),
    prevHash: z.string().nullable(),
    hash: z
      .string()
      .nullable()
      .describe(
        'SHA-256, in hex, of the JSON `[prevHash, seq, at, actor, action, subject, data]`, `data` as a text of JSON.',
      ),
  })
  .openapi('AuditEntry');

export const auditVerificationSchema = z
  .object({
    isIntact: z.boolean(),
    entries: z.int().describe('Chained entries that were looked at.'),
    firstSeq: z.int().nullable(),
    lastSeq: z.int().nullable(),
    lastHash: z.string().nullable().describe('Noted down elsewhere, it proves all before it later on.'),
    sealedUntil: z.string().nullable().describe('The last sealed day, UTC, such as `2026-01-31`.'),
    unchained: z.int().describe('Entries that wait to be chained.'),
    problems: z.array(z.object({ seq: z.int(), what: z.string() })).describe('The first 1,000 of them.'),
    problemCount: z.int(),
  })
  .openapi('AuditVerification');

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
    delayed: z.int().describe('Those whose time has not come: they start later, are tried again later, or wait.'),
    held: z.int().describe('Queued, but as many of their user, agent or of all run already as may at once.'),
    limitedUntil: instant()
      .nullable()
      .describe('The model provider is at a limit for an agent of this queue; its runs wait until then.'),
    limitReason: z.string().nullable().describe('What the provider said. For keys of operators only.'),
    oldestWaitSeconds: z.number().nullable(),
    pausedAt: instant().nullable(),
  })
  .openapi('Queue');

export const budgetSchema = z
  .object({
    scope: z.enum(['user', 'team', 'global']),
    key: z.string().nullable().describe('The user or team; null for all together.'),
    period: z.enum(['day', 'month']),
    start: z.string().describe('The first day, in the time zone of the configuration.'),
    limitUsd: usd().nullable().describe('Null: no limit.'),
    isChanged: z.boolean().describe('Whether an operator has set the limit, over the configuration.'),
    spentUsd: usd(),
    reservedUsd: usd().describe('Set aside for runs that are not over.'),
    resetsAt: instant(),
  })
  .openapi('Budget');

export const budgetChangeSchema = z
  .strictObject(
    {
      scope: z.enum(['user', 'team', 'global'], 'must be "user", "team" or "global"'),
      key: text().min(1, 'must not be empty').max(200, 'must have at most 200 characters').optional(),
      usdPerDay: newLimit(),
      usdPerMonth: newLimit(),
    },
    'must be an object',
  )
  .openapi('BudgetChange');

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

export const alertDeliverySchema = z
  .object({
    channel: z.string(),
    what: z.enum(['opened', 'repeated', 'resolved']),
    status: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.int(),
    at: instant(),
    nextAttemptAt: instant().nullable(),
    deliveredAt: instant().nullable(),
    lastError: z.string().nullable(),
  })
  .openapi('AlertDelivery');

export const alertSchema = z
  .object({
    id: z.uuid(),
    key: z.string().describe('What it is about, such as `queue_depth:reader`. No two open alerts share it.'),
    rule: z.string(),
    severity: z.enum(['info', 'warning', 'critical']),
    state: z.enum(['open', 'resolved']),
    title: z.string(),
    detail: z.string(),
    data: z.record(z.string(), z.unknown()).describe("The rule's figures."),
    openedAt: instant(),
    lastSeenAt: instant(),
    notifiedAt: instant(),
    timesNotified: z.int(),
    resolvedAt: instant().nullable(),
    acknowledgedAt: instant().nullable(),
    acknowledgedBy: z.string().nullable().describe('The id of the API key.'),
    deliveries: z.array(alertDeliverySchema).describe('Every telling of it, in order.'),
  })
  .openapi('Alert');

function newLimit() {
  return z
    .number('must be an amount in USD, or null')
    .min(0, 'must be 0 or more')
    .max(1_000_000, 'must be at most 1000000')
    .nullable()
    .optional()
    .describe("USD; null for the configuration's own again. Left out, it stays.");
}

const costSums = {
  costUsd: usd().describe('What was charged.'),
  ownCostUsd: usd()
    .nullable()
    .describe('By our own list of prices; null: it has none for anything of this, though something was used.'),
  unpricedUsd: usd().describe('The part of `costUsd` that our list has no price for.'),
  isOwnCostWhole: z.boolean().describe('False: `ownCostUsd` leaves something out.'),
  runs: z.int().describe('Runs that have ended. By model: those in whose last attempt it was used.'),
  succeededRuns: z.int(),
  attempts: z.int(),
  ...tokens,
  cacheCreation1hTokens: z.int().describe('The part of `cacheCreationTokens` that is kept for an hour.'),
  thinkingTokens: z.int().describe('The part of `outputTokens` that was thinking, where the provider says.'),
  costPerSucceededRunUsd: usd()
    .nullable()
    .describe('All costs, those of failures as well, for each run that succeeded; null: none did.'),
  retriedCostUsd: usd().describe('What failed attempts cost that another one followed.'),
  driftUsd: usd()
    .nullable()
    .describe("The Agent SDK's figure less our own, over all that has both; null: nothing has."),
};

export const costSumsSchema = z.object(costSums).openapi('CostSums');

export const costRowSchema = z
  .object({
    key: z
      .string()
      .nullable()
      .describe('The day, month, user, team, agent or model; null: without a user, a team or a model.'),
    ...costSums,
  })
  .openapi('CostRow');

export const costsSchema = z
  .object({
    data: z.array(costRowSchema),
    nextCursor: z.string().nullable(),
    totals: costSumsSchema.describe('Over the rows of all pages, each run and attempt counted once.'),
    forecast: z
      .object({ dayUsd: usd().nullable(), monthUsd: usd().nullable() })
      .describe(
        'What today and this month will have cost: what was spent so far, and for the rest of the time the rate of the last 7 whole days. Null: there is nothing to go by.',
      ),
    from: instant().describe('Included.'),
    to: instant().describe('Not included.'),
    timeZone: z.string().describe('Where days and months begin.'),
  })
  .openapi('Costs');

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Submission = z.input<typeof submissionSchema>;
export type RunResource = z.input<typeof runSchema>;
export type RetrySelection = z.input<typeof retrySelectionSchema>;
export type SkippedRun = z.input<typeof skippedRunSchema>;
export type WorkerResource = z.infer<typeof workerSchema>;
export type AlertResource = z.infer<typeof alertSchema>;
export type BudgetResource = z.infer<typeof budgetSchema>;
export type BudgetChange = z.input<typeof budgetChangeSchema>;
export type AuditEntryResource = z.infer<typeof auditEntrySchema>;
export type AuditVerificationResource = z.infer<typeof auditVerificationSchema>;
export type CostSumsResource = z.infer<typeof costSumsSchema>;
export type CostRowResource = z.infer<typeof costRowSchema>;
export type CostsResource = z.infer<typeof costsSchema>;
export type EventResource = z.infer<typeof eventSchema>;
export type Problem = z.infer<typeof problemSchema>;
