import { contextWindowOf } from '../core/context-window.ts';
import type { Micros } from '../core/money.ts';
import type { TokenPrice } from '../core/pricing.ts';
import { NO_USAGE } from '../core/usage.ts';
import type { AnswerUsage } from './answer-usage.ts';
import type { Call } from './call.ts';
import { LIKELY_TOKENS_PER_SECOND } from './output-estimate.ts';

/**
 * The party that cut a call before its end: the agent's process, by hanging up, or the gateway, because the attempt has
 * ended.
 */
export type CutBy = 'process' | 'attempt';

/**
 * Returns the highest possible cost of a call's input, except `read` tokens of it: as if written to the cache, with the
 * whole window read each time.
 */
export function mostInputMicros(call: Call, price: TokenPrice, read = 0): Micros {
  const tokens = Math.max(0, call.demand.samplings * mostTokensAtOnce(call) - read);
  return (tokens * toInputPrice(call, price)) / 1_000_000;
}

interface CutCall {
  readonly call: Call;
  /** Maximum length of its answer. */
  readonly outputTokens: number;
  /** Seconds since the call began. */
  readonly seconds: number;
}

/**
 * Returns the assumed usage of a call that was cut before the provider reported it. A process must gain nothing by
 * hanging up repeatedly: it pays for the highest possible input and, for an answer that arrives only when it is whole,
 * the longest output. Nobody ends an attempt to save money, so a call that was cut with its attempt counts as its
 * probable input, and the probable output in that time.
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
  // A stream begins when the prompt was read once, before any tool of the provider.
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
    inputTokens: likelyInputTokens(call),
    outputTokens: isStreamed ? 0 : written,
  };
}

/** Returns the probable input of a call that the provider has not reported. */
export function likelyInputTokens(call: Call): number {
  const { isPromptOpen, likelyTokens } = call.demand;
  // Content elsewhere may have any size: no smaller size is more likely.
  return isPromptOpen ? toWindow(call) : Math.min(likelyTokens, toWindow(call));
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

/** Some providers use the cache without being asked. */
function toInputPrice({ demand }: Call, price: TokenPrice): Micros {
  return Math.max(price.inputTokens, demand.isHourCached ? price.cacheWrite1hTokens : price.cacheWrite5mTokens);
}
