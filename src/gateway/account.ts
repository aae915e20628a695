import type { RunErrorCode } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import { WEB_SEARCH_PRICE } from '../core/model-prices.ts';
import type { Micros } from '../core/money.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import { dearestPriceOf, type TokenPrice } from '../core/pricing.ts';
import type { AnswerUsage } from './answer-usage.ts';
import type { Call } from './call.ts';
import { addAnswer, NOTHING_METERED, priceAnswer, type Metered, type PricedAnswer } from './metered.ts';
import { mostInputMicros, toCutUsage, type CutBy } from './worst-case.ts';

/** What one attempt has used, and what its calls under way may use yet. */
export interface Account {
  meter(): Metered;
  readonly isCeilingReached: boolean;
  /** What is left of the ceiling; nothing is set aside in it. */
  readonly leftMicros: Micros;
  /**
   * Begins a call that is about to be sent, and sets aside what it may cost. A code when it may not be sent at all;
   * `wait` when it may be once calls under way have ended, which `changed` tells; `too_open` when what it may cost at
   * most passes all that is left, and nothing else bounds it.
   */
  begin(call: Call): BegunCall | 'wait' | 'too_open' | Extract<RunErrorCode, 'max_budget' | 'max_turns'>;
  /** Resolves when more may be allowed than before, and when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

export interface BegunCall {
  /** What no answer to it may be longer than; null when all it asks for is allowed. */
  readonly maxTokens: number | null;
  update(usage: AnswerUsage): void;
  /** The answer was a good one. */
  succeed(): void;
  /**
   * The answer is over, whole or not: what is still set aside for it is free again. One that was cut was paid for all
   * the same, and counts: without a count of the provider's, by what it can have cost, or probably has.
   */
  settle(cutBy?: CutBy): void;
}

interface AccountOptions {
  readonly ceilingMicros: Micros;
  readonly maxTurns: number;
  readonly prices: PriceOverrides;
  readonly onMeter: (metered: Metered) => void;
}

/** More than any Claude model writes in one answer: what a request is counted at that names no `max_tokens`. */
const MOST_OUTPUT_TOKENS = 128_000;

/** An answer of less says nothing and calls no tool, and the prompt it is for would be paid in vain. */
const LEAST_OUTPUT_TOKENS = 100;

/** Less than this is not worth having while another call under way may leave more. */
const WORTH_SENDING_TOKENS = 4_096;

interface UnderWay {
  readonly call: Call;
  readonly price: TokenPrice;
  readonly outputTokens: number;
  /** Monotonic. */
  readonly begunAt: number;
  answer: { readonly usage: AnswerUsage; readonly priced: readonly PricedAnswer[] } | null;
  hasSucceeded: boolean;
}

export function createAccount({ ceilingMicros, maxTurns, prices, onMeter }: AccountOptions): Account {
  const underWay = new Set<UnderWay>();
  const waiting = new Set<() => void>();
  /** Models that have answered to a name: whatever it says, they may again. */
  const answered = new Map<string, Set<string>>();
  let settled = NOTHING_METERED;
  let turns = 0;

  function meter(): Metered {
    return [...underWay].flatMap(({ answer }) => answer?.priced ?? []).reduce(addAnswer, settled);
  }

  function tellChange(): void {
    for (const wake of waiting) wake();
  }

  function priceOf({ asked, isLongContext, demand }: Call): TokenPrice {
    const others = [...demand.otherModels, ...(answered.get(asked.at(-1) ?? '') ?? [])];
    return dearestPriceOf([asked, ...others], { isFast: demand.isFast, isLongContext, overrides: prices });
  }

  /** How many tokens an answer to the call may have, or what stands against it. */
  function allow(call: Call, price: TokenPrice): number | 'wait' | 'too_open' | 'max_budget' | 'max_turns' {
    if (call.isTurn && turns >= maxTurns) return 'max_turns';
    const { demand } = call;
    const asked = toAsked(call);
    const least = Math.min(asked, LEAST_OUTPUT_TOKENS);
    const leftMicros = ceilingMicros - meter().costMicros;
    const answerMicros = leftMicros - demand.maxSearches * WEB_SEARCH_PRICE;
    const inputMicros = mostInputMicros(call, price);
    const alone = toTokens(answerMicros / demand.answers, price);
    const bounded = toTokens((answerMicros - inputMicros) / demand.answers, price);
    if (leftMicros <= 0 || alone < least) return 'max_budget';
    // It may be read over and over: unlike a prompt that stands in the request, nobody can say that it was meant.
    if (demand.servedBy !== null && bounded < least) return 'too_open';
    const turnsUnderWay = [...underWay].filter((other) => other.call.isTurn).length;
    if (call.isTurn && turns + turnsUnderWay >= maxTurns) return 'wait';
    if (underWay.size === 0) return Math.min(asked, demand.servedBy === null ? alone : bounded);
    // What is set aside is the worst case. A call is never refused for money that may be left in the end.
    const heldMicros = [...underWay].reduce((sum, other) => sum + toHeld(other), 0);
    const beside = toTokens((answerMicros - inputMicros - heldMicros) / demand.answers, price);
    return beside < Math.min(asked, alone, WORTH_SENDING_TOKENS) ? 'wait' : Math.min(asked, beside);
  }

  function update(begun: UnderWay, usage: AnswerUsage): void {
    const { call } = begun;
    const read = usage.isInputUnknown === true ? { ...usage, inputTokens: call.demand.likelyTokens } : usage;
    begun.answer = { usage: read, priced: priceAnswer(read, { asked: call.asked, overrides: prices }) };
    const name = call.asked.at(-1) ?? '';
    answered.set(name, (answered.get(name) ?? new Set()).add(usage.model));
    onMeter(meter());
    tellChange();
  }

  function settle(begun: UnderWay, cutBy: CutBy | undefined): void {
    if (!underWay.has(begun)) return;
    if (cutBy !== undefined) {
      const seconds = (performance.now() - begun.begunAt) / 1_000;
      if (begun.answer === null) update(begun, toCutUsage({ ...begun, seconds }, cutBy));
      if (begun.call.isTurn && !begun.hasSucceeded) turns++;
    }
    underWay.delete(begun);
    settled = (begun.answer?.priced ?? []).reduce(addAnswer, settled);
    tellChange();
  }

  return {
    meter,
    get isCeilingReached() {
      return meter().costMicros >= ceilingMicros;
    },
    get leftMicros() {
      return ceilingMicros - meter().costMicros;
    },
    begin(call) {
      const price = priceOf(call);
      const outputTokens = allow(call, price);
      if (typeof outputTokens === 'string') return outputTokens;
      const begun: UnderWay = {
        call,
        price,
        outputTokens,
        begunAt: performance.now(),
        answer: null,
        hasSucceeded: false,
      };
      settled = { ...settled, requestCount: settled.requestCount + 1 };
      underWay.add(begun);
      return {
        maxTokens: outputTokens < toAsked(call) ? outputTokens : null,
        update: (usage) => update(begun, usage),
        succeed() {
          begun.hasSucceeded = true;
          if (call.isTurn) turns++;
        },
        settle: (cutBy) => settle(begun, cutBy),
      };
    },
    changed(signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (signal.aborted) return Promise.resolve();
      const wake = guarded((): void => {
        signal.removeEventListener('abort', wake);
        waiting.delete(wake);
        resolve();
      });
      waiting.add(wake);
      signal.addEventListener('abort', wake);
      return promise;
    },
  };
}

/** The longest answer that is asked for, of the model or of one that stands in for it. */
function toAsked({ maxTokens, demand }: Call): number {
  return Math.max(maxTokens ?? MOST_OUTPUT_TOKENS, demand.fallbackMaxTokens);
}

/**
 * What a call under way may cost beyond what is metered of it. Until the answer begins nobody knows its input; where it
 * may be read more than once, nobody does until the end.
 */
function toHeld({ call, price, outputTokens, answer }: UnderWay): Micros {
  const { demand } = call;
  const usage = answer?.usage;
  const outputLeft = Math.max(0, outputTokens * demand.answers - (usage?.outputTokens ?? 0));
  const searchesLeft = Math.max(0, demand.maxSearches - (usage?.webSearches ?? 0));
  const isInputKnown = usage !== undefined && demand.samplings === 1;
  const read = usage === undefined ? 0 : usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens;
  const inputMicros = isInputKnown ? 0 : mostInputMicros(call, price, read);
  return inputMicros + (outputLeft * price.outputTokens) / 1_000_000 + searchesLeft * WEB_SEARCH_PRICE;
}

/** How many tokens can be written for `micros`. */
function toTokens(micros: Micros, price: TokenPrice): number {
  return micros <= 0 ? 0 : Math.floor((micros * 1_000_000) / price.outputTokens);
}
