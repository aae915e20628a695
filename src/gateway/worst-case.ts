import { contextWindowOf } from '../core/context-window.ts';
import type { Micros } from '../core/money.ts';
import type { TokenPrice } from '../core/pricing.ts';
import { NO_USAGE } from '../core/usage.ts';
import type { AnswerUsage } from './answer-usage.ts';
import type { Call } from './call.ts';
import { LIKELY_TOKENS_PER_SECOND } from './output-estimate.ts';

/** Who cut a call before its end: the agent's process, by hanging up, or we, because the attempt has ended. */
export type CutBy = 'process' | 'attempt';

/** The most that the input of a call can cost, but for `read` tokens of it: as written to the cache, its window over and over. */
export function mostInputMicros(call: Call, price: TokenPrice, read = 0): Micros {
  const tokens = Math.max(0, call.demand.samplings * mostTokensAtOnce(call) - read);
  return (tokens * toInputPrice(call, price)) / 1_000_000;
}

interface CutCall {
  readonly call: Call;
  /** How long an answer to it may be. */
  readonly outputTokens: number;
  /** How long it has been under way, in seconds. */
  readonly seconds: number;
}

/**
 * What a call has used that was cut before the provider said so. A process that hangs up time and again must gain
 * nothing by it: it pays for the most that can have been read, and, of an answer that comes only when it is whole,
 * written. Nobody ends an attempt to save money: there it is what was probably read, and written in that time.
 */
export function toCutUsage(cut: CutCall, cutBy: CutBy): AnswerUsage {
  const { call } = cut;
  const { demand, isUsOnly, isLongContext } = call;
  return {
    ...NO_USAGE,
    ...(cutBy === 'process' ? toMostUsage(cut) : toLikelyUsage(cut)),
    model: call.asked[0],
    isEstimated: true,
    isFast: demand.isFast,
    isUsOnly,
    isLongContext,
  };
}

function toMostUsage({ call, outputTokens }: CutCall) {
  const { demand, isStreamed } = call;
  // A stream begins when the prompt was read once, before any tool of the provider's.
  const tokens = isStreamed ? mostTokensInPrompt(call) : demand.samplings * mostTokensAtOnce(call);
  return {
    cacheCreationTokens: tokens,
    cacheCreation1hTokens: demand.isHourCached ? tokens : 0,
    outputTokens: isStreamed ? 0 : outputTokens * demand.answers,
  };
}

function toLikelyUsage({ call, outputTokens, seconds }: CutCall) {
  const { demand, isStreamed } = call;
  const written = Math.min(outputTokens * demand.answers, Math.ceil(seconds * LIKELY_TOKENS_PER_SECOND));
  return {
    // What stands elsewhere may be anything: there is nothing that would make less of it likely.
    inputTokens: demand.isPromptOpen ? toWindow(call) : Math.min(demand.likelyTokens, toWindow(call)),
    outputTokens: isStreamed ? 0 : written,
  };
}

/** No model reads more than its window. */
function mostTokensAtOnce(call: Call): number {
  return call.demand.isWindowRead ? toWindow(call) : Math.min(toWindow(call), call.demand.byteTokens);
}

function mostTokensInPrompt(call: Call): number {
  return call.demand.isPromptOpen ? toWindow(call) : Math.min(toWindow(call), call.demand.byteTokens);
}

function toWindow({ asked, isLongContext, demand }: Call): number {
  return contextWindowOf([...asked, ...demand.otherModels], { isLongContext });
}

/** Some providers cache without being asked. */
function toInputPrice({ demand }: Call, price: TokenPrice): Micros {
  return Math.max(price.inputTokens, demand.isHourCached ? price.cacheWrite1hTokens : price.cacheWrite5mTokens);
}
