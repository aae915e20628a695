import type { ApprovalKind } from './approvals.ts';
import type { RunErrorCode } from './errors.ts';
import type { PromptPart } from './prompt-parts.ts';
import type { TokenUsage } from './usage.ts';

/** An error as followers of a run receive it: a code of the table and a text that is safe for an end user. */
export interface RunError {
  readonly code: RunErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  /** Of a refusal (`model_refused`): the kind of content it is about, if the provider names one, such as `cyber`. */
  readonly category?: string | undefined;
}

/** Reasons for which a run waits without a process. */
export type WaitingFor = 'budget' | 'provider_limit' | 'approval';

/**
 * The data of each type of event. Types are part of the contract; `agent.other` keeps messages that have no type here. A
 * new type also needs its schema in `api/contract/events.ts`, a row in `docs/http-api.md`, and `npm run docs` (the
 * client's types follow from the schema); and to be shown, `cli/render-events.ts`, the dashboard's
 * conversation and, if it changes lists, `dashboard/data/live.ts`.
 */
export interface EventData {
  'run.queued': { agent: string; reason?: 'submitted' | 'handed_back' | 'resumed' };
  'run.started': { workerId: string };
  /**
   * `until`: when the run is checked again, ISO 8601; it may resume earlier. `scope`: the budget of its session is used
   * up, and the run waits until that is raised; `costUsd` is then the cost of the run so far.
   */
  'run.waiting': { waitingFor: WaitingFor; until?: string; scope?: 'session'; costUsd?: number };
  /** A message that was sent to the running run, once Claude Code has read it. */
  'run.message': { messageId: string; text: string; parts?: PromptPart[] | undefined };
  'run.retrying': { error: RunError; delaySeconds: number };
  /** `structuredOutput`: for an agent with an `outputSchema`. `isAtCeiling`: the run has used up its cost ceiling. */
  'run.succeeded': {
    result: string;
    structuredOutput?: unknown;
    costUsd: number;
    turns: number;
    durationMs: number;
    isAtCeiling?: true;
  };
  'run.failed': { error: RunError };
  'run.cancelled': { costUsd: number };
  'agent.init': {
    sessionId: string;
    model: string;
    tools: string[];
    cwd: string;
    claudeCodeVersion: string;
    /**
     * Present if the agent has MCP servers. `status` is `connected`, or the reason why an optional server is missing.
     */
    mcpServers?: { name: string; status: string }[];
  };
  /**
   * Text while it is produced. `blockId` names its block; the same block follows whole as `agent.text`, or
   * `agent.text.abandoned` withdraws it. `isContinuation`: the block continues, without a gap, the text before it,
   * which was interrupted.
   */
  'agent.text.delta': { text: string; blockId: string; parentToolUseId?: string; isContinuation?: true };
  /** Replaces the earlier deltas of its block. `isPartial`: the block was never finished. */
  'agent.text': { text: string; blockId: string; parentToolUseId?: string; isPartial?: true; isContinuation?: true };
  /** Withdraws the block, whole or not: it was given up, and its replacement follows. */
  'agent.text.abandoned': { blockId: string; parentToolUseId?: string };
  'agent.thinking': { text: string; parentToolUseId?: string };
  'agent.tool_use': { toolUseId: string; name: string; input: unknown; parentToolUseId?: string };
  /** Input that replaces the tool's original input, because a hook or the person who approved the use changed it. */
  'agent.tool_input': { toolUseId: string; name: string; input: unknown };
  'agent.tool_result': {
    toolUseId: string;
    isError: boolean;
    /** The result as text, cut at 8,000 characters. */
    content: string;
    isTruncated?: boolean;
    /** True when the tool returned no result, because the attempt ended first. `content` says so. */
    isUnfinished?: true;
    parentToolUseId?: string;
  };
  'agent.usage': TokenUsage & { model: string; parentToolUseId?: string };
  'agent.api_retry': { attempt: number; maxRetries: number; delayMs: number; status: number | null; error: string };
  /**
   * Another model replaces the model that the agent asked for. `reason`: `refusal` when that model declined to answer,
   * `unavailable` when it was not available. `category`: the kind of a refusal, if the provider names one.
   */
  'agent.model_changed': { from: string; to: string; reason: 'refusal' | 'unavailable'; category?: string };
  'agent.permission_denied': { toolUseId: string; name: string; message: string };
  /**
   * A connection from the sandbox that ended, or was refused: its `host` or `port` is not allowed, its `address` is not
   * public, its host is unknown, or there were `too_many`. Contents are not recorded.
   */
  'agent.connection': {
    host: string;
    port: number;
    decision: 'allowed' | 'refused';
    reason?: 'host' | 'port' | 'address' | 'unknown_host' | 'too_many';
    sentBytes: number;
    receivedBytes: number;
  };
  /** A message of Claude Code that has no type above, kept unchanged. */
  'agent.other': { message: unknown };
  /**
   * A tool use, or a question of the agent's, waits for a person; of the kind `custom`, the use of a tool that the client
   * runs waits for the client's result. `expiresAt`: ISO 8601; then it is denied.
   */
  'approval.requested': {
    approvalId: string;
    kind: ApprovalKind;
    tool: { name: string; input: unknown; toolUseId: string };
    expiresAt: string;
  };
  /** `expired` and `cancelled`: the approval ended without a decision; the tool was not used. */
  'approval.resolved': {
    approvalId: string;
    decision: 'allow' | 'deny' | 'expired' | 'cancelled';
    reason?: string;
    /** The input that replaces the tool's input; of a question the answers. */
    updatedInput?: unknown;
    decidedBy?: string;
  };
  /**
   * The run ended without the use that a person had allowed: its process was gone, and the agent did not repeat the
   * use.
   */
  'approval.unused': { approvalId: string; tool: { name: string; toolUseId: string } };
}

export type EventType = keyof EventData;

/** An event before it has a place in a run's log. */
export type NewEvent = { [T in EventType]: { readonly type: T; readonly data: EventData[T] } }[EventType];

/** An entry of a run's ordered log. `seq` counts from 1 without a gap. */
export type RunEvent = NewEvent & {
  readonly runId: string;
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The attempt it belongs to; 0 before the first. */
  readonly attempt: number;
};

/** The event types that end a run's log. */
export const FINAL_EVENT_TYPES = ['run.succeeded', 'run.failed', 'run.cancelled'] as const satisfies EventType[];

export function isFinalEvent(event: Pick<RunEvent, 'type'>): boolean {
  return (FINAL_EVENT_TYPES as readonly EventType[]).includes(event.type);
}
