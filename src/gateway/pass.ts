import { toMessage } from '../core/errors.ts';
import type { Micros } from '../core/money.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import { createAccount, type Account, type BegunCall, type Call } from './account.ts';
import { createByteBudget, type ByteBudget } from './byte-budget.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Metered } from './metered.ts';
import type { ProviderFailure } from './provider-failure.ts';
import { REFUSALS, type Refusal } from './refusal.ts';
import { MAX_BODY_BYTES } from './request-body.ts';

/** One attempt's way through the gateway, as its worker holds it. */
export interface GatewayPass {
  /** What the attempt's process gets in place of a provider's key. */
  readonly token: string;
  /** What the attempt has used so far, answers still under way included. */
  meter(): Metered;
  /** The last failed call that no successful one followed, or null. */
  failure(): ProviderFailure | null;
  readonly openRequests: number;
  /** Ends the attempt: calls under way are cut on both sides, later ones get 402. */
  close(): void;
}

/** The same attempt, as the gateway serves it. */
export interface AttemptPass extends GatewayPass {
  readonly attemptId: string;
  /** Where its calls go, by name. */
  readonly provider: string;
  /** What the attempt's requests may hold of the worker's memory. */
  readonly bodyBudget: ByteBudget;
  /** Why no request of this attempt can succeed any more, or null. */
  readonly refusal: Refusal | null;
  readonly account: Pick<Account, 'isCeilingReached' | 'changed'>;
  /** What a request of the attempt may think at most, in tokens; null for as much as it asks for. */
  readonly maxThinkingTokens: number | null;
  /** Registers a request under way: `cut` is called when the attempt ends. Returns what unregisters it. */
  enter(cut: () => void): () => void;
  /** Begins a call, as the account does. */
  begin(call: Call): PassCall | Exclude<ReturnType<Account['begin']>, BegunCall>;
  /** Our own rules refuse a call. */
  deny(failure: ProviderFailure): void;
  /** The provider stayed silent in a request begun at `startedAt` (monotonic). Returns how that is answered. */
  strike(startedAt: number, failure: ProviderFailure): Refusal;
}

/**
 * A call under way. Once our own rules have refused another one, that is why the attempt ends, whatever becomes of
 * the calls that began before.
 */
export interface PassCall extends BegunCall {
  /** The answer was a good one: what failed before it no longer matters. */
  succeed(): void;
  /** The call failed. With `refusal` given, every later one is answered with that. */
  fail(failure: ProviderFailure, refusal?: Refusal): void;
}

interface PassOptions {
  /** Of the lane it is opened on. */
  readonly token: string;
  readonly attemptId: string;
  readonly provider?: string;
  readonly ceilingMicros?: Micros;
  readonly maxTurns?: number;
  readonly maxThinkingTokens?: number;
  readonly prices: PriceOverrides;
  readonly onMeter?: (metered: Metered) => void;
  readonly isEntitled?: () => boolean | 'unknown';
  /** What all attempts of the gateway share. */
  readonly bodyBudget: ByteBudget;
  /** Called once, when the pass is closed. */
  readonly onClose: () => void;
  readonly log: GatewayLog;
}

export function createPass(options: PassOptions): AttemptPass {
  const { token, attemptId, ceilingMicros = Infinity, maxTurns = Infinity, maxThinkingTokens = null } = options;
  const { prices, onMeter, isEntitled, bodyBudget, onClose, log } = options;
  const open = new Set<() => void>();
  let failure: ProviderFailure | null = null;
  let refusal: Refusal | null = null;
  let firstSilenceAt: number | null = null;
  /** When our own rules last refused a call (monotonic). */
  let deniedAt = -Infinity;
  let isClosed = false;
  const account = createAccount({
    ceilingMicros,
    maxTurns,
    prices,
    onMeter(metered) {
      try {
        onMeter?.(metered);
      } catch (cause) {
        log.error({ attemptId, cause: toMessage(cause) }, 'The meter of an attempt could not be reported.');
      }
    },
  });

  function begin(call: Call): ReturnType<AttemptPass['begin']> {
    const begun = account.begin(call);
    if (typeof begun === 'string') return begun;
    const begunAt = performance.now();
    const isOutlived = (): boolean => refusal !== null || begunAt <= deniedAt;
    return {
      ...begun,
      succeed() {
        begun.succeed();
        if (isOutlived()) return;
        failure = null;
        firstSilenceAt = null;
      },
      fail(failed, andRefuse) {
        if (!isOutlived()) failure = failed;
        refusal ??= andRefuse ?? null;
      },
    };
  }

  return {
    attemptId,
    provider: options.provider ?? 'default',
    // One attempt alone never keeps the others out.
    bodyBudget: createByteBudget(MAX_BODY_BYTES, bodyBudget),
    token,
    account,
    maxThinkingTokens,
    begin,
    meter: () => account.meter(),
    failure: () => failure,
    get openRequests() {
      return open.size;
    },
    get refusal() {
      if (refusal !== null) return refusal;
      const entitled = isEntitled?.() ?? true;
      if (entitled === true) return null;
      return entitled === 'unknown' ? REFUSALS.inDoubt : REFUSALS.badToken;
    },
    enter(cut) {
      open.add(cut);
      return () => open.delete(cut);
    },
    deny(denied) {
      if (refusal !== null) return;
      failure = denied;
      deniedAt = performance.now();
    },
    strike(startedAt, failed) {
      if (refusal === null && startedAt > deniedAt) failure = failed;
      // Requests that hung side by side are one silence; only one begun after it is the second.
      if (firstSilenceAt === null || startedAt <= firstSilenceAt) {
        firstSilenceAt ??= performance.now();
        return REFUSALS.silentOnce;
      }
      refusal ??= REFUSALS.silentTwice;
      return REFUSALS.silentTwice;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      onClose();
      for (const cut of open) cut();
      open.clear();
    },
  };
}
