import { contextWindowOf } from '../core/context-window.ts';
import type { Micros } from '../core/money.ts';
import type { TokenPrice } from '../core/pricing.ts';
import { NO_USAGE } from '../core/usage.ts';
import type { AnswerUsage } from './answer-usage.ts';
import type { Call } from './call.ts';

/** Who cut a call before its end: the agent's process, by hanging up, or we, because the attempt has ended. */
export type CutBy = 'process' | 'attempt';

/** The most that the input of a call can cost, but for `read` tokens of it: as written to the cache, its window over and over. */
export function mostInputMicros(call: Call, price: TokenPrice, read = 0): Micros {
  const tokens = Math.max(0, call.demand.samplings * mostTokensAtOnce(call) - read);
  return (tokens * toInputPrice(call, price)) / 1_000_000;
}

/**
 * What a call has used that was cut before the provider said so. A process that hangs up time and again must gain
 * nothing by it: it pays for the most that can have been read, and, of an answer that comes only when it is whole, written.
 * An attempt does not end to that end, nor twice: it pays for what was probably read.
 */
export function toCutUsage({ call, outputTokens }: { call: Call; outputTokens: number }, cutBy: CutBy): AnswerUsage {
  const { demand, isStreamed, isUsOnly, isLongContext } = call;
  const common = {
    ...NO_USAGE,
    model: call.asked[0],
    isEstimated: true,
    isFast: demand.isFast,
    isUsOnly,
    isLongContext,
  };
  if (cutBy === 'attempt') return { ...common, inputTokens: demand.likelyTokens };
  // A stream begins when the prompt was read once.
  const tokens = (isStreamed ? 1 : demand.samplings) * mostTokensAtOnce(call);
  return {
    ...common,
    cacheCreationTokens: tokens,
    cacheCreation1hTokens: demand.isHourCached ? tokens : 0,
    outputTokens: isStreamed ? 0 : outputTokens * demand.answers,
  };
}

/** No model reads more than its window. */
function mostTokensAtOnce({ asked, isLongContext, demand }: Call): number {
  const window = contextWindowOf([...asked, ...demand.otherModels], { isLongContext });
  return demand.isWindowRead ? window : Math.min(window, demand.byteTokens);
}

/** Some providers cache without being asked. */
function toInputPrice({ demand }: Call, price: TokenPrice): Micros {
  return Math.max(price.inputTokens, demand.isHourCached ? price.cacheWrite1hTokens : price.cacheWrite5mTokens);
}
