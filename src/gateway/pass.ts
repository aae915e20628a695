import { toMessage } from '../core/errors.ts';
import type { Micros } from '../core/money.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import type { TraceContext } from '../core/trace-context.ts';
import { createAccount, type Account } from './account.ts';
import type { Obstacle } from './allowance.ts';
import { createByteBudget, type ByteBudget } from './byte-budget.ts';
import type { Call } from './call.ts';
import { createCallOutcomes, type CallOutcomes, type PassCall } from './call-outcomes.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Metered } from './metered.ts';
import type { ProviderFailure } from './provider-failure.ts';
import type { Reach } from './reach.ts';
import { REFUSALS, type Refusal } from './refusal.ts';
import { MAX_BODY_BYTES } from './receive-body.ts';

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
export interface AttemptPass extends GatewayPass, Pick<CallOutcomes, 'deny' | 'strike'> {
  readonly attemptId: string;
  /** Fields of log lines that say which attempt it is. */
  readonly logFacts: Readonly<Record<string, unknown>>;
  /** Name of the provider for its calls. */
  readonly provider: string;
  /** Limit of the memory for the bodies of the attempt's requests. */
  readonly bodyBudget: ByteBudget;
  /** The reason why no request of this attempt can succeed any more, or null. */
  readonly refusal: Refusal | null;
  readonly account: Pick<Account, 'isCeilingReached' | 'leftMicros' | 'changed'>;
  /** The span that its calls belong to; null: none. */
  readonly trace: TraceContext | null;
  /** Takes spans that the attempt's process exports; null: nobody wants them. */
  readonly onSpans: ((exported: unknown) => void) | null;
  /** Maximum thinking of a request, in tokens; null for the value in the request. */
  readonly maxThinkingTokens: number | null;
  /** The hosts that the provider may connect to for its calls. */
  readonly reach: Reach;
  /** Registers a request in progress: `cut` is called when the attempt ends. Returns a function that unregisters it. */
  enter(cut: () => void): () => void;
  /** Begins a call in the account. */
  begin(call: Call): PassCall | Obstacle;
}

/** For attempts that name no provider. */
export const DEFAULT_PROVIDER = 'default';

interface PassOptions {
  /** The token of the lane that the pass is opened on. */
  readonly token: string;
  readonly attemptId: string;
  readonly logFacts?: Readonly<Record<string, unknown>>;
  readonly provider?: string;
  readonly ceilingMicros?: Micros;
  readonly maxTurns?: number;
  readonly maxThinkingTokens?: number;
  readonly reach?: Reach;
  readonly prices: PriceOverrides;
  readonly onMeter?: (metered: Metered) => void;
  readonly isEntitled?: () => boolean | 'unknown';
  readonly trace?: TraceContext | null;
  readonly onSpans?: ((exported: unknown) => void) | null;
  /** Shared by all attempts of the gateway. */
  readonly bodyBudget: ByteBudget;
  /** Called once, when the pass is closed. */
  readonly onClose: () => void;
  readonly log: GatewayLog;
}

export function createPass(options: PassOptions): AttemptPass {
  const { token, attemptId, provider = DEFAULT_PROVIDER, maxThinkingTokens = null, reach = 'any' } = options;
  const { trace = null, onSpans = null } = options;
  const { isEntitled, bodyBudget, onClose } = options;
  const open = new Set<() => void>();
  const outcomes = createCallOutcomes();
  const account = openAccount(options);
  let isClosed = false;

  return {
    attemptId,
    logFacts: toLogFacts(options),
    provider,
    // A single attempt must not use up the memory of all.
    bodyBudget: createByteBudget(MAX_BODY_BYTES, bodyBudget),
    token,
    account,
    maxThinkingTokens,
    reach,
    trace,
    onSpans,
    begin(call) {
      const begun = account.begin(call);
      return typeof begun === 'string' ? begun : outcomes.follow(begun);
    },
    meter: () => account.meter(),
    failure: () => outcomes.failure,
    get openRequests() {
      return open.size;
    },
    get refusal() {
      if (outcomes.refusal !== null) return outcomes.refusal;
      const entitled = isEntitled?.() ?? true;
      if (entitled === true) return null;
      return entitled === 'unknown' ? REFUSALS.inDoubt : REFUSALS.badToken;
    },
    enter(cut) {
      open.add(cut);
      return () => open.delete(cut);
    },
    deny: outcomes.deny,
    strike: outcomes.strike,
    close() {
      if (isClosed) return;
      isClosed = true;
      onClose();
      for (const cut of open) cut();
      open.clear();
    },
  };
}

/** Opens the account of a pass. It counts also while `onMeter` throws. */
function openAccount(options: PassOptions): Account {
  const { ceilingMicros = Infinity, maxTurns = Infinity, prices, onMeter, log } = options;
  return createAccount({
    ceilingMicros,
    maxTurns,
    prices,
    onMeter(metered) {
      try {
        onMeter?.(metered);
      } catch (cause) {
        log.error(
          { ...toLogFacts(options), cause: toMessage(cause) },
          'The meter of an attempt could not be reported.',
        );
      }
    },
  });
}

function toLogFacts({ attemptId, logFacts }: PassOptions): Readonly<Record<string, unknown>> {
  return { ...logFacts, attemptId };
}
