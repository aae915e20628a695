import type { RunErrorCode } from '../core/errors.ts';
import { WEB_SEARCH_PRICE } from '../core/model-prices.ts';
import type { Micros } from '../core/money.ts';
import type { TokenPrice } from '../core/pricing.ts';
import type { AnswerUsage } from './answer-usage.ts';
import type { Call } from './call.ts';
import type { PricedAnswer } from './metered.ts';
import { mostInputMicros } from './worst-case.ts';

/**
 * The reason against sending a call: a limit is reached; `wait` when it may be sent after calls in progress have ended;
 * `too_open` when the provider may read its input any number of times, and the remaining money does not pay for the most.
 */
export type Obstacle = 'wait' | 'too_open' | Extract<RunErrorCode, 'max_budget' | 'max_turns'>;

/** A call in progress. */
export interface UnderWay {
  readonly call: Call;
  readonly price: TokenPrice;
  readonly outputTokens: number;
  /** Monotonic. */
  readonly begunAt: number;
  answer: { readonly usage: AnswerUsage; readonly priced: readonly PricedAnswer[] } | null;
  hasSucceeded: boolean;
}

/** More than any Claude model writes in one answer: used for a request without `max_tokens`. */
const MOST_OUTPUT_TOKENS = 128_000;

/** A shorter answer contains no text and no tool call, and its prompt would be paid for in vain. */
const LEAST_OUTPUT_TOKENS = 100;

/** A call that would get fewer tokens waits until the calls in progress have ended. */
const WORTH_SENDING_TOKENS = 4_096;

interface AllowOptions {
  readonly call: Call;
  readonly price: TokenPrice;
  readonly underWay: ReadonlySet<UnderWay>;
  readonly leftMicros: Micros;
  readonly turnsLeft: number;
}

/** Returns the number of tokens that an answer to the call may have, or the reason against the call. */
export function allow(options: AllowOptions): number | Obstacle {
  const { call, price, underWay, leftMicros, turnsLeft } = options;
  if (call.isTurn && turnsLeft <= 0) return 'max_turns';
  const { demand } = call;
  const asked = toAsked(call);
  const least = Math.min(asked, LEAST_OUTPUT_TOKENS);
  const answerMicros = leftMicros - demand.maxSearches * WEB_SEARCH_PRICE;
  const inputMicros = mostInputMicros(call, price);
  const alone = toTokens(answerMicros / demand.answers, price);
  const bounded = toTokens((answerMicros - inputMicros) / demand.answers, price);
  if (leftMicros <= 0 || alone < least) return 'max_budget';
  // The provider decides how often it reads this input, so the run may not exceed its ceiling for it, as it may for a
  // prompt that the agent has sent.
  if (demand.servedBy !== null && bounded < least) return 'too_open';
  const turnsUnderWay = [...underWay].filter((other) => other.call.isTurn).length;
  if (call.isTurn && turnsUnderWay >= turnsLeft) return 'wait';
  if (underWay.size === 0) return Math.min(asked, demand.servedBy === null ? alone : bounded);
  // A call that does not fit beside the reservations waits, because the calls in progress may cost less.
  const reservedMicros = [...underWay].reduce((sum, other) => sum + toReserved(other), 0);
  const beside = toTokens((answerMicros - inputMicros - reservedMicros) / demand.answers, price);
  return beside < Math.min(asked, alone, WORTH_SENDING_TOKENS) ? 'wait' : Math.min(asked, beside);
}

/** Returns the longest answer that is requested, from the model or from a fallback. */
export function toAsked({ maxTokens, demand }: Call): number {
  return Math.max(maxTokens ?? MOST_OUTPUT_TOKENS, demand.fallbackMaxTokens);
}

/**
 * Returns the possible cost of a call in progress beyond its metered cost. Its input is unknown until the answer
 * begins, or, if the input may be read more than once, until the end.
 */
function toReserved({ call, price, outputTokens, answer }: UnderWay): Micros {
  const { demand } = call;
  const usage = answer?.usage;
  const outputLeft = Math.max(0, outputTokens * demand.answers - (usage?.outputTokens ?? 0));
  const searchesLeft = Math.max(0, demand.maxSearches - (usage?.webSearches ?? 0));
  const isInputKnown = usage !== undefined && demand.samplings === 1;
  const read = usage === undefined ? 0 : usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens;
  const inputMicros = isInputKnown ? 0 : mostInputMicros(call, price, read);
  return inputMicros + (outputLeft * price.outputTokens) / 1_000_000 + searchesLeft * WEB_SEARCH_PRICE;
}

/** Returns how many tokens can be written for `micros`. */
function toTokens(micros: Micros, price: TokenPrice): number {
  return micros <= 0 ? 0 : Math.floor((micros * 1_000_000) / price.outputTokens);
}
