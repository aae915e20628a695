import { toMessage } from '../core/errors.ts';
import type { Micros } from '../core/money.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import { createAccount, type Account, type BegunCall } from './account.ts';
import { createByteBudget, type ByteBudget } from './byte-budget.ts';
import type { Call } from './call.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Metered } from './metered.ts';
import type { ProviderFailure } from './provider-failure.ts';
import { REFUSALS, type Refusal } from './refusal.ts';
import { MAX_BODY_BYTES } from './request-body.ts';

/** An attempt's access to the gateway, as its worker sees it. */
export interface GatewayPass {
  /** The token for the attempt's process, instead of a provider's key. */
  readonly token: string;
  /** Returns the attempt's usage so far, including answers in progress. */
  meter(): Metered;
  /** Returns the last failed call without a successful one after it, or null. */
  failure(): ProviderFailure | null;
  readonly openRequests: number;
  /** Ends the attempt: calls in progress are cut on both sides, later ones get 402. */
  close(): void;
}

/** The same attempt, as the gateway sees it. */
export interface AttemptPass extends GatewayPass {
  readonly attemptId: string;
  /** Name of the provider for its calls. */
  readonly provider: string;
  /** Limit of the memory for the bodies of the attempt's requests. */
  readonly bodyBudget: ByteBudget;
  /** The reason why no request of this attempt can succeed any more, or null. */
  readonly refusal: Refusal | null;
  readonly account: Pick<Account, 'isCeilingReached' | 'leftMicros' | 'changed'>;
  /** Maximum thinking of a request, in tokens; null for the value in the request. */
  readonly maxThinkingTokens: number | null;
  /** Registers a request in progress: `cut` is called when the attempt ends. Returns a function that unregisters it. */
  enter(cut: () => void): () => void;
  /** Begins a call in the account. */
  begin(call: Call): PassCall | Exclude<ReturnType<Account['begin']>, BegunCall>;
  /** Records that our own rules rejected a call. */
  deny(failure: ProviderFailure): void;
  /**
   * Records that the provider was silent in a request that began at `startedAt` (monotonic). Returns the answer to it.
   */
  strike(startedAt: number, failure: ProviderFailure): Refusal;
}

/**
 * A call in progress. Once our own rules have rejected another call, that is the reason for the attempt's end, whatever
 * happens to calls that began before.
 */
export interface PassCall extends BegunCall {
  /** Records a good answer: failures before it no longer matter. */
  succeed(): void;
  /** Records a failure. With `refusal`, every later call is answered with that. */
  fail(failure: ProviderFailure, refusal?: Refusal): void;
}

/** For attempts that name no provider. */
export const DEFAULT_PROVIDER = 'default';

interface PassOptions {
  /** The token of the lane that the pass is opened on. */
  readonly token: string;
  readonly attemptId: string;
  readonly provider?: string;
  readonly ceilingMicros?: Micros;
  readonly maxTurns?: number;
  readonly maxThinkingTokens?: number;
  readonly prices: PriceOverrides;
  readonly onMeter?: (metered: Metered) => void;
  readonly isEntitled?: () => boolean | 'unknown';
  /** Shared by all attempts of the gateway. */
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
  /** When our own rules last rejected a call (monotonic). */
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
    provider: options.provider ?? DEFAULT_PROVIDER,
    // A single attempt must not use up the memory of all.
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
      // Requests that hang at the same time are one silence; only a request that began afterwards is the second.
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
