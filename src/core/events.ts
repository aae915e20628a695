import type { RunErrorCode } from './errors.ts';
import type { TokenUsage } from './usage.ts';

/** An error as a watcher of a run sees it: a code of the table and words that are safe for an end user. */
export interface RunError {
  readonly code: RunErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  /** Of a refusal (`model_refused`): the kind of content it is about, where the provider names one, such as `cyber`. */
  readonly category?: string | undefined;
}

/** What a run without a process waits for. */
export type WaitingFor = 'budget' | 'provider_limit' | 'approval';

/** What each type of event carries. Types are part of the contract; `agent.other` keeps what has no type here. */
export interface EventData {
  'run.queued': { agent: string; reason?: 'submitted' | 'handed_back' | 'resumed' };
  'run.started': { workerId: string };
  /** `until`: when it is looked at again, ISO 8601; it may be sooner. */
  'run.waiting': { waitingFor: WaitingFor; until?: string };
  /** What was said into the run at work, once Claude Code has taken it up. */
  'run.message': { messageId: string; text: string };
  'run.retrying': { error: RunError; delaySeconds: number };
  /** `structuredOutput`: for an agent with an `outputSchema`. `isAtCeiling`: it has cost all that it may cost. */
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
    /** For an agent that has any: `status` is `connected`, or why a server that is not required is not there. */
    mcpServers?: { name: string; status: string }[];
  };
  /**
   * Text as it is produced. `blockId` names the block it belongs to; the same block follows whole as `agent.text`, or
   * `agent.text.abandoned` withdraws it. `isContinuation`: the block goes on, without a gap, with the text before it,
   * which was cut off.
   */
  'agent.text.delta': { text: string; blockId: string; parentToolUseId?: string; isContinuation?: true };
  /** Stands for the deltas of its block before it. `isPartial`: the block was never finished. */
  'agent.text': { text: string; blockId: string; parentToolUseId?: string; isPartial?: true; isContinuation?: true };
  /** The block counts no more, whole or not: it was given up, and what takes its place follows. */
  'agent.text.abandoned': { blockId: string; parentToolUseId?: string };
  'agent.thinking': { text: string; parentToolUseId?: string };
  'agent.tool_use': { toolUseId: string; name: string; input: unknown; parentToolUseId?: string };
  /** What a tool was asked in place of the input it was used with: a hook, or who approved it, has changed that. */
  'agent.tool_input': { toolUseId: string; name: string; input: unknown };
  'agent.tool_result': {
    toolUseId: string;
    isError: boolean;
    /** The result as text, cut at 8,000 characters. */
    content: string;
    isTruncated?: boolean;
    /** The tool gave none: the attempt ended first. `content` says so. */
    isUnfinished?: true;
    parentToolUseId?: string;
  };
  'agent.usage': TokenUsage & { model: string; parentToolUseId?: string };
  'agent.api_retry': { attempt: number; maxRetries: number; delayMs: number; status: number | null; error: string };
  /**
   * Another model goes on in place of the one that the agent asked for. `reason`: `refusal`, it would not answer;
   * `unavailable`, it could not be had. `category`: of a refusal, where the provider names one.
   */
  'agent.model_changed': { from: string; to: string; reason: 'refusal' | 'unavailable'; category?: string };
  'agent.permission_denied': { toolUseId: string; name: string; message: string };
  /** A message of Claude Code's that has no type above, kept as it came. */
  'agent.other': { message: unknown };
  /** A tool use, or a question of the agent's, waits for a person. `expiresAt`: ISO 8601; then it is denied. */
  'approval.requested': {
    approvalId: string;
    kind: 'tool' | 'question';
    tool: { name: string; input: unknown; toolUseId: string };
    expiresAt: string;
  };
  /** `expired` and `cancelled`: nobody has decided; the tool was not used. */
  'approval.resolved': {
    approvalId: string;
    decision: 'allow' | 'deny' | 'expired' | 'cancelled';
    reason?: string;
    /** What the tool does in place of what it was asked; of a question the answers. */
    updatedInput?: unknown;
    decidedBy?: string;
  };
  /** The run has ended without the use that a person had allowed: its process was gone, and the agent did not make it again. */
  'approval.unused': { approvalId: string; tool: { name: string; toolUseId: string } };
}

export type EventType = keyof EventData;

/** An event before it has its place in a run's log. */
export type NewEvent = { [T in EventType]: { readonly type: T; readonly data: EventData[T] } }[EventType];

/** One entry of a run's ordered log. `seq` counts from 1 without a gap. */
export type RunEvent = NewEvent & {
  readonly runId: string;
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The attempt it belongs to; 0 before the first. */
  readonly attempt: number;
};

/** The types after which a run's log ends. */
export const FINAL_EVENT_TYPES = ['run.succeeded', 'run.failed', 'run.cancelled'] as const satisfies EventType[];

export function isFinalEvent(event: Pick<RunEvent, 'type'>): boolean {
  return (FINAL_EVENT_TYPES as readonly EventType[]).includes(event.type);
}
