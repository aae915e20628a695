import { toApiErrorType } from '../core/api-errors.ts';
import type { TokenUsage } from '../core/usage.ts';
import type { ApiError } from './api-error.ts';
import type { Block } from './blocks.ts';

/**
 * The model's reaction to one request. Create it with `turn`, `fail`, `failMidStream`, `hang` or `cut`; a block, or an
 * array of blocks, is itself a whole answer.
 */
export type Turn = Answer | Failure | Silence | Block | readonly Block[];

export interface Answer {
  readonly type: 'answer';
  readonly blocks: readonly Block[];
  /** Null: estimated from the sizes of request and answer. */
  readonly usage: TokenUsage | null;
  /** Null: `tool_use` when a tool is called, else `end_turn`. */
  readonly stopReason: StopReason | null;
  /** Details of a refusal; null: the provider gives none. */
  readonly stopDetails: StopDetails | null;
  readonly firstByteDelayMs: number;
  /** The end after the blocks: the regular end of the message, an `error` event, silence, or a broken connection. */
  readonly ending: 'complete' | 'hang' | 'cut' | ApiError;
  /** True when the answer ends within its last block, which then has no end. */
  readonly isMidBlock: boolean;
}

/** The fields of the Messages API about a refusal, in addition to `stop_reason: "refusal"`. */
export interface StopDetails {
  /** For example `cyber` or `bio`. Defaults to null: the provider names none. */
  readonly category?: string | null;
  /** The provider's explanation. Defaults to null. */
  readonly explanation?: string | null;
}

/** Options of an answer that stops before its end. */
export interface EndingOptions {
  /** Stops within the last block instead of after it. Defaults to false. */
  readonly midBlock?: boolean;
}

export interface Failure {
  readonly type: 'failure';
  readonly status: number;
  readonly error: ApiError;
  readonly retryAfterSeconds: number | null;
}

export interface Silence {
  readonly type: 'silence';
  readonly areHeadersSent: boolean;
}

export type StopReason =
  | 'end_turn'
  | 'tool_use'
  | 'max_tokens'
  | 'stop_sequence'
  | 'pause_turn'
  | 'refusal'
  | 'model_context_window_exceeded';

export interface TurnOptions {
  /**
   * The tokens that this answer reports; an omitted class is 0. Defaults to an estimate, the same for the same request.
   */
  readonly usage?: Partial<TokenUsage>;
  /** Defaults to `tool_use` when a tool is called, else `end_turn`. */
  readonly stopReason?: StopReason;
  /** Sent with the stop reason `refusal`. Defaults to none. */
  readonly stopDetails?: StopDetails;
  /** Milliseconds before anything is sent, including headers. Defaults to 0. */
  readonly firstByteDelayMs?: number;
}

export interface FailOptions {
  /** Anthropic's error type. Defaults to the type of the status, such as `overloaded_error` for 529. */
  readonly type?: string;
  readonly message?: string;
  /** Sent as the `retry-after` header. */
  readonly retryAfterSeconds?: number;
}

/** Answers with blocks when a bare block is not enough: with usage, a stop reason or a delay. */
export function turn(blocks: Block | readonly Block[], options: TurnOptions = {}): Answer {
  return {
    type: 'answer',
    blocks: toBlocks(blocks),
    usage: options.usage === undefined ? null : toUsage(options.usage),
    stopReason: options.stopReason ?? null,
    stopDetails: options.stopDetails ?? null,
    firstByteDelayMs: options.firstByteDelayMs ?? 0,
    ending: 'complete',
    isMidBlock: false,
  };
}

/** Answers with an HTTP error in Anthropic's form. Throws a `RangeError` for a status that is not an error. */
export function fail(status: number, options: FailOptions = {}): Failure {
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    throw new RangeError(`fail() takes an HTTP status from 400 to 599; received ${status}.`);
  }
  const type = options.type ?? toApiErrorType(status);
  const message = options.message ?? `The script answers this request with ${status}.`;
  return { type: 'failure', status, error: { type, message }, retryAfterSeconds: options.retryAfterSeconds ?? null };
}

/** Streams the blocks, then an `error` event. A request without streaming gets only the error, with its status. */
export function failMidStream(
  blocks: Block | readonly Block[],
  error: ApiError,
  { midBlock = false }: EndingOptions = {},
): Answer {
  return { ...turn(blocks), ending: error, isMidBlock: midBlock };
}

/**
 * Keeps the connection open until the client goes away or the model is closed. Defaults to `before_headers`: not even a
 * status is sent.
 */
export function hang(
  where:
    | 'before_headers'
    | 'after_headers'
    | ({ readonly after: Block | readonly Block[] } & EndingOptions) = 'before_headers',
): Turn {
  if (typeof where === 'object') {
    return { ...turn(where.after), ending: 'hang', isMidBlock: where.midBlock ?? false };
  }
  return { type: 'silence', areHeadersSent: where === 'after_headers' };
}

/** Streams the blocks, then breaks the connection. */
export function cut(blocks: Block | readonly Block[], { midBlock = false }: EndingOptions = {}): Answer {
  return { ...turn(blocks), ending: 'cut', isMidBlock: midBlock };
}

/** Returns a turn in one of its three full forms. */
export function toFullTurn(given: Turn): Answer | Failure | Silence {
  if (!('type' in given)) return turn(given);
  return given.type === 'answer' || given.type === 'failure' || given.type === 'silence' ? given : turn(given);
}

function toBlocks(blocks: Block | readonly Block[]): readonly Block[] {
  return 'type' in blocks ? [blocks] : blocks;
}

function toUsage({
  inputTokens = 0,
  outputTokens = 0,
  cacheReadTokens = 0,
  cacheCreationTokens = 0,
}: Partial<TokenUsage>): TokenUsage {
  return { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens };
}
