import { z } from '@hono/zod-openapi';
import { APPROVAL_KINDS } from '../../core/approvals.ts';
import { RUN_ERRORS, type RunErrorCode } from '../../core/errors.ts';
import type { EventData, EventType } from '../../core/events.ts';
import { promptPartSchema } from './files.ts';
import { instant, refusalCategory, tokens, usd } from './output-fields.ts';

const runErrorCode = z.enum(Object.keys(RUN_ERRORS) as [RunErrorCode, ...RunErrorCode[]]);

const safeError = z
  .object({
    code: runErrorCode,
    message: z.string().describe('Safe to show to an end user.'),
    retryable: z.boolean(),
    category: refusalCategory(),
  })
  .openapi('SafeError');

const ofTool = { toolUseId: z.string(), name: z.string(), input: z.unknown() };
const parentToolUseId = z.string().optional().describe('For a sub-agent: the tool use that started it.');
const blockId = z.string().describe('The block of text that the event belongs to.');
const isContinuation = z
  .literal(true)
  .optional()
  .describe('Set when the block continues, without a gap, the text before it, which was cut off.');

/** The data of each event type. */
const EVENT_DATA = {
  'run.queued': z.object({ agent: z.string(), reason: z.enum(['submitted', 'handed_back', 'resumed']).optional() }),
  'run.started': z.object({ workerId: z.string() }),
  'run.waiting': z.object({
    waitingFor: z.enum(['budget', 'provider_limit', 'approval']),
    until: z.string().optional().describe('When the run is checked again, ISO 8601; it may be checked earlier.'),
    scope: z
      .literal('session')
      .optional()
      .describe("Set when the session's budget is used up: the run waits until it is raised."),
    costUsd: usd().optional().describe('With `scope`: what the run has cost so far.'),
  }),
  'run.message': z.object({
    messageId: z.string(),
    text: z.string(),
    parts: z.array(promptPartSchema).optional().describe('The parts of the message in order, if it has attachments.'),
  }),
  'run.retrying': z.object({ error: safeError, delaySeconds: z.number() }),
  'run.succeeded': z.object({
    result: z.string(),
    structuredOutput: z.unknown().optional().describe('Set for an agent with an `outputSchema`.'),
    costUsd: usd(),
    turns: z.int(),
    durationMs: z.int(),
    isAtCeiling: z
      .literal(true)
      .optional()
      .describe('Set when the run has cost as much as `limits.maxBudgetUsd` allows.'),
  }),
  'run.failed': z.object({ error: safeError }),
  'run.cancelled': z.object({ costUsd: usd() }),
  'agent.init': z.object({
    sessionId: z.string(),
    model: z.string(),
    tools: z.array(z.string()),
    cwd: z.string(),
    claudeCodeVersion: z.string(),
    mcpServers: z.array(z.object({ name: z.string(), status: z.string() })).optional(),
  }),
  'agent.text.delta': z.object({ text: z.string(), blockId, parentToolUseId, isContinuation }),
  'agent.text': z.object({
    text: z.string().describe('The whole block. It replaces the deltas before it.'),
    blockId,
    parentToolUseId,
    isPartial: z.literal(true).optional().describe('Set when the block was never finished.'),
    isContinuation,
  }),
  'agent.text.abandoned': z.object({
    blockId: z.string().describe('The abandoned block. Discard its text; its replacement follows.'),
    parentToolUseId,
  }),
  'agent.thinking': z.object({ text: z.string(), parentToolUseId }),
  'agent.tool_use': z.object({ ...ofTool, parentToolUseId }),
  'agent.tool_input': z.object(ofTool),
  'agent.tool_result': z.object({
    toolUseId: z.string(),
    isError: z.boolean(),
    content: z.string().describe('The result as text, at most 8,000 characters.'),
    isTruncated: z.boolean().optional(),
    isUnfinished: z
      .literal(true)
      .optional()
      .describe('Set when the tool gave no result because the attempt ended first. `content` says so.'),
    parentToolUseId,
  }),
  'agent.usage': z.object({ ...tokens, model: z.string(), parentToolUseId }),
  'agent.api_retry': z.object({
    attempt: z.int(),
    maxRetries: z.int(),
    delayMs: z.number(),
    status: z.int().nullable(),
    error: z.string(),
  }),
  'agent.model_changed': z.object({
    from: z.string(),
    to: z.string().describe('The model that replaces it.'),
    reason: z
      .enum(['refusal', 'unavailable'])
      .describe('`refusal`: the model refused to answer. `unavailable`: the model was not available.'),
    category: refusalCategory(),
  }),
  'agent.permission_denied': z.object({ toolUseId: z.string(), name: z.string(), message: z.string() }),
  'agent.connection': z.object({
    host: z.string(),
    port: z.int(),
    decision: z.enum(['allowed', 'refused']),
    reason: z
      .enum(['host', 'port', 'address', 'unknown_host', 'too_many'])
      .optional()
      .describe(
        'Why it was refused: its `host` or `port` is not allowed, its `address` is not public, its host is unknown, or there were `too_many`.',
      ),
    sentBytes: z.int().describe('Bytes that the agent sent. Contents are not recorded.'),
    receivedBytes: z.int(),
  }),
  'agent.other': z.object({
    message: z.unknown().describe('A message of Claude Code that has no event type here, unchanged.'),
  }),
  'approval.requested': z.object({
    approvalId: z.string(),
    kind: z.enum(APPROVAL_KINDS),
    tool: z.object({ name: z.string(), input: z.unknown(), toolUseId: z.string() }),
    expiresAt: z.string().describe('When the approval is denied if no decision was made.'),
  }),
  'approval.resolved': z.object({
    approvalId: z.string(),
    decision: z.enum(['allow', 'deny', 'expired', 'cancelled']),
    reason: z.string().optional(),
    updatedInput: z
      .unknown()
      .optional()
      .describe('Input that replaces the requested input; for a question the answers.'),
    decidedBy: z.string().optional(),
  }),
  'approval.unused': z.object({
    approvalId: z.string().describe('The approval that was allowed but never used, because the run ended first.'),
    tool: z.object({ name: z.string(), toolUseId: z.string() }),
  }),
} satisfies { [T in EventType]: z.ZodType<Loose<EventData[T]>> & { shape: Record<keyof EventData[T], z.ZodType> } };

/** Adds `undefined` to each field, because schemas infer it for optional fields. */
type Loose<T> = { [K in keyof T]: T[K] | undefined };

type Types = [EventType, ...EventType[]];
type EventSchemas = { [T in EventType]: ReturnType<typeof toEventSchema<T>> };

function toEventSchema<T extends EventType>(type: T) {
  return z
    .object({
      runId: z.uuid(),
      seq: z
        .int()
        .describe('Counts from 1 without a gap. For a single run, the cursor for `Last-Event-ID` and `after`.'),
      type: z.literal(type),
      at: instant(),
      attempt: z.int().describe('The attempt that the event belongs to; 0 before the first.'),
      data: EVENT_DATA[type],
    })
    .openapi(toName(type));
}

/** `agent.tool_use` as `AgentToolUseEvent`. */
function toName(type: EventType): string {
  return `${type.replaceAll(/(?:^|[._])([a-z])/g, (_, letter: string) => letter.toUpperCase())}Event`;
}

const schemas = (Object.keys(EVENT_DATA) as Types).map(toEventSchema) as unknown as [
  EventSchemas[EventType],
  ...EventSchemas[EventType][],
];

/** An entry of a run's log. */
export const eventSchema = z.discriminatedUnion('type', schemas).openapi('Event', {
  description:
    'Its `type` selects the data. Clients must ignore types that they do not know, because more will be added.',
});

/** Every type there is. */
export const eventTypes = Object.keys(EVENT_DATA) as Types;

export type EventResource = z.infer<typeof eventSchema>;
