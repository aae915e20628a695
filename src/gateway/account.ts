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

/** The usage of one attempt, and the reservations of its calls in progress. */
export interface Account {
  meter(): Metered;
  readonly isCeilingReached: boolean;
  /** The rest of the ceiling, without subtracting reservations. */
  readonly leftMicros: Micros;
  /**
   * Begins a call that is about to be sent, and reserves its possible cost. Returns a code when it must not be sent;
   * `wait` when it may be sent after calls in progress have ended, which `changed` reports; `too_open` when its
   * possible cost exceeds all that is left, and nothing else bounds it.
   */
  begin(call: Call): BegunCall | 'wait' | 'too_open' | Extract<RunErrorCode, 'max_budget' | 'max_turns'>;
  /** Resolves when more may be allowed than before, and when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

export interface BegunCall {
  /** Maximum length of an answer to this call; null when all that the call asks for is allowed. */
  readonly maxTokens: number | null;
  update(usage: AnswerUsage): void;
  /** Records that the answer was good. */
  succeed(): void;
  /**
   * Ends the call, whole or not, and frees its remaining reservation. An interrupted answer was still paid for, and
   * counts: without a count from the provider, at its possible or its probable cost.
   */
  settle(cutBy?: CutBy): void;
}

interface AccountOptions {
  readonly ceilingMicros: Micros;
  readonly maxTurns: number;
  readonly prices: PriceOverrides;
  readonly onMeter: (metered: Metered) => void;
}

/** More than any Claude model writes in one answer: used for a request without `max_tokens`. */
const MOST_OUTPUT_TOKENS = 128_000;

/** A shorter answer contains no text and no tool call, and its prompt would be paid for in vain. */
const LEAST_OUTPUT_TOKENS = 100;

/** A smaller answer is not worth sending for while another call in progress may leave more. */
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
  /** Models that have answered to a name: they may answer to it again, whatever the name says. */
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

  /** Returns the number of tokens that an answer to the call may have, or the reason against the call. */
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
    // The provider may read the input again and again: unlike the prompt in the request, such a cost cannot be assumed
    // to be intended.
    if (demand.servedBy !== null && bounded < least) return 'too_open';
    const turnsUnderWay = [...underWay].filter((other) => other.call.isTurn).length;
    if (call.isTurn && turns + turnsUnderWay >= maxTurns) return 'wait';
    if (underWay.size === 0) return Math.min(asked, demand.servedBy === null ? alone : bounded);
    // Reservations are the worst case. A call is never rejected for money that may be left in the end.
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

/** Returns the longest answer that is requested, from the model or from a fallback. */
function toAsked({ maxTokens, demand }: Call): number {
  return Math.max(maxTokens ?? MOST_OUTPUT_TOKENS, demand.fallbackMaxTokens);
}

/**
 * Returns the possible cost of a call in progress beyond its metered cost. Its input is unknown until the answer
 * begins, or, if the input may be read more than once, until the end.
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

/** Returns how many tokens can be written for `micros`. */
function toTokens(micros: Micros, price: TokenPrice): number {
  return micros <= 0 ? 0 : Math.floor((micros * 1_000_000) / price.outputTokens);
}
