import type { RunErrorCode } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { Micros } from '../core/money.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import { dearestPriceOf, WEB_SEARCH_PRICE, type TokenPrice } from '../core/pricing.ts';
import {
  addAnswer,
  NOTHING_METERED,
  priceAnswer,
  type AnswerUsage,
  type Metered,
  type PricedAnswer,
} from './metered.ts';
import type { RequestBody } from './request-body.ts';

/** What one attempt has used, and what its calls under way may use yet. */
export interface Account {
  meter(): Metered;
  readonly isCeilingReached: boolean;
  /**
   * Begins a call that is about to be sent, and sets aside what it may cost. A code when it may not be sent at all;
   * `wait` when it may be once calls under way have ended, which `changed` tells.
   */
  begin(call: Call): BegunCall | 'wait' | Extract<RunErrorCode, 'max_budget' | 'max_turns'>;
  /** Resolves when more may be allowed than before, and when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

/** What of a request decides on its cost. */
export interface Call extends Pick<
  RequestBody,
  'model' | 'fallbackModels' | 'maxTokens' | 'maxSearches' | 'isTurn' | 'isFast'
> {
  readonly bodyBytes: number;
}

export interface BegunCall {
  /** What `max_tokens` must be lowered to; null when it may stay. */
  readonly maxTokens: number | null;
  update(usage: AnswerUsage): void;
  /** The answer was a good one. */
  succeed(): void;
  /** The answer is over, whole or not: what is still set aside for it is free again. */
  settle(): void;
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

const BYTES_PER_TOKEN = 4;

interface UnderWay {
  readonly call: Call;
  readonly price: TokenPrice;
  readonly outputTokens: number;
  answer: PricedAnswer | null;
}

export function createAccount({ ceilingMicros, maxTurns, prices, onMeter }: AccountOptions): Account {
  const underWay = new Set<UnderWay>();
  const waiting = new Set<() => void>();
  let settled = NOTHING_METERED;
  let turns = 0;

  function meter(): Metered {
    let metered = settled;
    for (const { answer } of underWay) if (answer !== null) metered = addAnswer(metered, answer);
    return metered;
  }

  function tellChange(): void {
    for (const wake of waiting) wake();
  }

  /** How many tokens the call may write, or what stands against it. */
  function allow(call: Call, price: TokenPrice): number | 'wait' | 'max_budget' | 'max_turns' {
    if (call.isTurn && turns >= maxTurns) return 'max_turns';
    const asked = call.maxTokens ?? MOST_OUTPUT_TOKENS;
    const leftMicros = ceilingMicros - meter().costMicros;
    const alone = toTokens(leftMicros - call.maxSearches * WEB_SEARCH_PRICE, price);
    if (leftMicros <= 0 || alone < Math.min(asked, LEAST_OUTPUT_TOKENS)) return 'max_budget';
    const turnsUnderWay = [...underWay].filter((other) => other.call.isTurn).length;
    if (call.isTurn && turns + turnsUnderWay >= maxTurns) return 'wait';
    const heldMicros = [...underWay].reduce((sum, other) => sum + toHeld(other), 0);
    const allowed = toTokens(leftMicros - call.maxSearches * WEB_SEARCH_PRICE - heldMicros, price);
    // What is set aside is the worst case. A call is never refused for money that may be left in the end.
    if (underWay.size > 0 && allowed < Math.min(asked, alone, WORTH_SENDING_TOKENS)) return 'wait';
    return Math.min(asked, allowed);
  }

  return {
    meter,
    get isCeilingReached() {
      return meter().costMicros >= ceilingMicros;
    },
    begin(call) {
      const price = dearestPriceOf([call.model, ...call.fallbackModels], { isFast: call.isFast, overrides: prices });
      const outputTokens = allow(call, price);
      if (typeof outputTokens === 'string') return outputTokens;
      const begun: UnderWay = { call, price, outputTokens, answer: null };
      settled = { ...settled, requestCount: settled.requestCount + 1 };
      underWay.add(begun);
      return {
        maxTokens: outputTokens < (call.maxTokens ?? MOST_OUTPUT_TOKENS) ? outputTokens : null,
        update(usage) {
          begun.answer = priceAnswer(usage, prices);
          onMeter(meter());
          tellChange();
        },
        succeed() {
          if (call.isTurn) turns++;
        },
        settle() {
          if (!underWay.delete(begun)) return;
          if (begun.answer !== null) settled = addAnswer(settled, begun.answer);
          tellChange();
        },
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

/**
 * What a call under way may cost beyond what is metered of it. Until the answer begins nobody knows its input, and
 * it may all be written to the provider's cache, which is the dearest.
 */
function toHeld({ call, price, outputTokens, answer }: UnderWay): Micros {
  const outputLeft = Math.max(0, outputTokens - (answer?.outputTokens ?? 0));
  const searchesLeft = Math.max(0, call.maxSearches - (answer?.webSearches ?? 0));
  const inputTokens = answer === null ? call.bodyBytes / BYTES_PER_TOKEN : 0;
  const tokensMicros = (inputTokens * price.cacheWrite1hTokens + outputLeft * price.outputTokens) / 1_000_000;
  return tokensMicros + searchesLeft * WEB_SEARCH_PRICE;
}

/** How many tokens can be written for `micros`. */
function toTokens(micros: Micros, price: TokenPrice): number {
  return micros <= 0 ? 0 : Math.floor((micros * 1_000_000) / price.outputTokens);
}
