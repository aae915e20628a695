import { guarded } from '../core/guard.ts';
import type { Micros } from '../core/money.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import { dearestPriceOf, type TokenPrice } from '../core/pricing.ts';
import { allow, toAsked, type Obstacle, type UnderWay } from './allowance.ts';
import type { AnswerUsage } from './answer-usage.ts';
import type { Call } from './call.ts';
import { addAnswer, NOTHING_METERED, priceAnswer, type Metered } from './metered.ts';
import { likelyInputTokens, toCutUsage, type CutBy } from './worst-case.ts';

/** The usage of one attempt, and the reservations of its calls in progress. */
export interface Account {
  meter(): Metered;
  readonly isCeilingReached: boolean;
  /** The rest of the ceiling, without subtracting reservations. */
  readonly leftMicros: Micros;
  /**
   * Begins a call that is about to be sent, and reserves its possible cost. Returns the obstacle when it must not be
   * sent; `changed` reports when a call that has to wait may be tried again.
   */
  begin(call: Call): BegunCall | Obstacle;
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

export function createAccount({ ceilingMicros, maxTurns, prices, onMeter }: AccountOptions): Account {
  const underWay = new Set<UnderWay>();
  const changes = createChanges();
  /** Models that have answered to a name: they may answer to it again, whatever the name says. */
  const answered = new Map<string, Set<string>>();
  let settled = NOTHING_METERED;
  let turns = 0;

  function meter(): Metered {
    return [...underWay].flatMap(({ answer }) => answer?.priced ?? []).reduce(addAnswer, settled);
  }

  const leftMicros = (): Micros => ceilingMicros - meter().costMicros;

  function priceOf({ asked, isLongContext, demand }: Call): TokenPrice {
    const others = [...demand.otherModels, ...(answered.get(asked.at(-1) ?? '') ?? [])];
    return dearestPriceOf([asked, ...others], { isFast: demand.isFast, isLongContext, overrides: prices });
  }

  function update(begun: UnderWay, usage: AnswerUsage): void {
    const { call } = begun;
    const read =
      usage.isInputUnknown === true ? { ...usage, inputTokens: usage.inputTokens + likelyInputTokens(call) } : usage;
    begun.answer = { usage: read, priced: priceAnswer(read, { asked: call.asked, overrides: prices }) };
    const name = call.asked.at(-1) ?? '';
    answered.set(name, (answered.get(name) ?? new Set()).add(usage.model));
    onMeter(meter());
    changes.tell();
  }

  function settle(begun: UnderWay, cutBy: CutBy | undefined): void {
    if (!underWay.has(begun)) return;
    if (cutBy !== undefined) {
      const seconds = (performance.now() - begun.begunAt) / 1_000;
      const cut = toCutUsage({ ...begun, seconds }, cutBy);
      const usage = begun.answer?.usage;
      if (usage === undefined) update(begun, cut);
      else if (usage.isInputUnknown === true && begun.call.isStreamed) {
        const { model, outputTokens, webSearches = 0 } = usage;
        update(begun, { ...cut, model, outputTokens, webSearches });
      }
      if (begun.call.isTurn && !begun.hasSucceeded) turns++;
    }
    underWay.delete(begun);
    settled = (begun.answer?.priced ?? []).reduce(addAnswer, settled);
    changes.tell();
  }

  return {
    meter,
    get isCeilingReached() {
      return meter().costMicros >= ceilingMicros;
    },
    get leftMicros() {
      return leftMicros();
    },
    begin(call) {
      const price = priceOf(call);
      const outputTokens = allow({ call, price, underWay, leftMicros: leftMicros(), turnsLeft: maxTurns - turns });
      if (typeof outputTokens === 'string') return outputTokens;
      const begunAt = performance.now();
      const begun: UnderWay = { call, price, outputTokens, begunAt, answer: null, hasSucceeded: false };
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
    changed: changes.next,
  };
}

/** Wakes callers that wait for a change. */
function createChanges(): { readonly tell: () => void; readonly next: Account['changed'] } {
  const waiting = new Set<() => void>();
  return {
    tell() {
      for (const wake of waiting) wake();
    },
    next(signal) {
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
