import { z } from '@hono/zod-openapi';
import { APPROVAL_KINDS } from '../../core/approvals.ts';
import { RUN_ERRORS, type RunErrorCode } from '../../core/errors.ts';
import type { EventData, EventType } from '../../core/events.ts';
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
const parentToolUseId = z.string().optional().describe('Of a sub-agent: the tool use that has begun it.');
const blockId = z.string().describe('The block of text it belongs to.');
const isContinuation = z
  .literal(true)
  .optional()
  .describe('The block goes on, without a gap, with the text before it, which was cut off.');

/** What an event of each type carries. */
const EVENT_DATA = {
  'run.queued': z.object({ agent: z.string(), reason: z.enum(['submitted', 'handed_back', 'resumed']).optional() }),
  'run.started': z.object({ workerId: z.string() }),
  'run.waiting': z.object({
    waitingFor: z.enum(['budget', 'provider_limit', 'approval']),
    until: z.string().optional().describe('When it is looked at again, ISO 8601; it may be sooner.'),
  }),
  'run.message': z.object({ messageId: z.string(), text: z.string() }),
  'run.retrying': z.object({ error: safeError, delaySeconds: z.number() }),
  'run.succeeded': z.object({
    result: z.string(),
    structuredOutput: z.unknown().optional().describe('Of an agent with an `outputSchema`.'),
    costUsd: usd(),
    turns: z.int(),
    durationMs: z.int(),
    isAtCeiling: z.literal(true).optional().describe('When it has cost as much as `limits.maxBudgetUsd` allows.'),
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
    text: z.string().describe('The whole block: it stands for the deltas before it.'),
    blockId,
    parentToolUseId,
    isPartial: z.literal(true).optional().describe('The block was never finished.'),
    isContinuation,
  }),
  'agent.text.abandoned': z.object({
    blockId: z.string().describe('The block that counts no more: it was given up, and what takes its place follows.'),
    parentToolUseId,
  }),
  'agent.thinking': z.object({ text: z.string(), parentToolUseId }),
  'agent.tool_use': z.object({ ...ofTool, parentToolUseId }),
  'agent.tool_input': z.object(ofTool),
  'agent.tool_result': z.object({
    toolUseId: z.string(),
    isError: z.boolean(),
    content: z.string().describe('As text, at most 8,000 characters.'),
    isTruncated: z.boolean().optional(),
    isUnfinished: z
      .literal(true)
      .optional()
      .describe('The tool gave no result: the attempt ended first. `content` says so.'),
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
    to: z.string().describe('The model that goes on in its place.'),
    reason: z
      .enum(['refusal', 'unavailable'])
      .describe('`refusal`: the model would not answer. `unavailable`: it could not be had.'),
    category: refusalCategory(),
  }),
  'agent.permission_denied': z.object({ toolUseId: z.string(), name: z.string(), message: z.string() }),
  'agent.other': z.object({ message: z.unknown().describe('One of Claude Code’s that has no type here, as it came.') }),
  'approval.requested': z.object({
    approvalId: z.string(),
    kind: z.enum(APPROVAL_KINDS),
    tool: z.object({ name: z.string(), input: z.unknown(), toolUseId: z.string() }),
    expiresAt: z.string().describe('When it is denied if nobody has decided.'),
  }),
  'approval.resolved': z.object({
    approvalId: z.string(),
    decision: z.enum(['allow', 'deny', 'expired', 'cancelled']),
    reason: z.string().optional(),
    updatedInput: z
      .unknown()
      .optional()
      .describe('What the tool does in place of what it was asked; of a question the answers.'),
    decidedBy: z.string().optional(),
  }),
  'approval.unused': z.object({
    approvalId: z.string().describe('What it allows was never done: the run has ended without it.'),
    tool: z.object({ name: z.string(), toolUseId: z.string() }),
  }),
} satisfies { [T in EventType]: z.ZodType<Loose<EventData[T]>> & { shape: Record<keyof EventData[T], z.ZodType> } };

/** Schemas give what may be left out the type `undefined` as well. */
type Loose<T> = { [K in keyof T]: T[K] | undefined };

type Types = [EventType, ...EventType[]];
type EventSchemas = { [T in EventType]: ReturnType<typeof toEventSchema<T>> };

function toEventSchema<T extends EventType>(type: T) {
  return z
    .object({
      runId: z.uuid(),
      seq: z.int().describe('Counts from 1 without a gap. On a run, the cursor for `Last-Event-ID` and `after`.'),
      type: z.literal(type),
      at: instant(),
      attempt: z.int().describe('The attempt it belongs to; 0 before the first.'),
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

/** One entry of a run's log. */
export const eventSchema = z
  .discriminatedUnion('type', schemas)
  .openapi('Event', { description: 'By its `type`. Readers skip types that they do not know: more will come.' });

/** Every type there is. */
export const eventTypes = Object.keys(EVENT_DATA) as Types;

export type EventResource = z.infer<typeof eventSchema>;
