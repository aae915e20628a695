import { randomBytes } from 'node:crypto';
import type { Micros } from '../core/money.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import type { TraceContext } from '../core/trace-context.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Metered } from './metered.ts';
import { createPass, DEFAULT_PROVIDER, type AttemptPass, type GatewayPass } from './pass.ts';
import type { Reach } from './reach.ts';

/**
 * A token for a process that starts before its attempt is known. While no pass is open on it, every request is rejected
 * with 402, as for an attempt that has ended.
 */
export interface GatewayLane {
  /** For the process's environment, instead of a provider's key. */
  readonly token: string;
  /**
   * Opens the lane for an attempt until its pass is closed. Throws when another pass is still open, or the lane is
   * closed.
   */
  open(attempt: OpenOptions): GatewayPass;
  /** Ends the token and its open pass. */
  close(): void;
}

export interface OpenOptions {
  readonly attemptId: string;
  /** Fields of the attempt's log lines besides `attemptId`. Defaults to none. */
  readonly logFacts?: Readonly<Record<string, unknown>>;
  /** Name of the provider for its calls. Defaults to `default`. */
  readonly provider?: string;
  /**
   * Ceiling of the attempt's cost: each call's `max_tokens` is lowered to what is left, and once the meter reaches it
   * no further call is sent. Defaults to no ceiling.
   */
  readonly ceilingMicros?: Micros;
  /**
   * Maximum number of answers to requests that offer tools, including those of subagents: the next request is rejected.
   * Defaults to no limit.
   */
  readonly maxTurns?: number;
  /**
   * Maximum thinking of one request, in tokens: a larger budget is lowered to it, and 0 turns thinking off. Defaults to
   * the value in the request.
   */
  readonly maxThinkingTokens?: number;
  /** The hosts that the provider may connect to for its calls. Defaults to `any`. */
  readonly reach?: Reach;
  /** Called when more of the attempt's usage is known: when an answer begins, and when its final count arrives. */
  readonly onMeter?: (metered: Metered) => void;
  /**
   * Called before each call is sent: returns whether the attempt still belongs to its worker. A worker that was paused
   * resumes with requests of an attempt that another worker may have taken over. `unknown`: the answer is not known
   * yet, and the call has to be repeated. Defaults to always true.
   */
  readonly isEntitled?: () => boolean | 'unknown';
  /** The span that its calls belong to. Defaults to none. */
  readonly trace?: TraceContext | null;
  /** Takes spans that the attempt's process exports, as OTLP has them in JSON, unchecked. Defaults to none. */
  readonly onSpans?: ((exported: unknown) => void) | null;
}

/** The same lane, with the members that the gateway uses. */
export interface ServedLane extends GatewayLane {
  /** The pass that requests with the token count for, or null. */
  readonly pass: AttemptPass | null;
}

interface LaneOptions {
  /** Returns the configured prices of a provider's models, by the provider's name. */
  readonly pricesOf: (provider: string) => PriceOverrides;
  /** Shared by all attempts of the gateway. */
  readonly bodyBudget: ByteBudget;
  /** Called once, when the lane is closed. */
  readonly onClose: () => void;
  readonly log: GatewayLog;
}

/** Creates a lane with its own token. */
export function createLane({ pricesOf, bodyBudget, onClose, log }: LaneOptions): ServedLane {
  const token = `lh_att_${randomBytes(32).toString('base64url')}`;
  let pass: AttemptPass | null = null;
  let isClosed = false;
  return {
    token,
    get pass() {
      return pass;
    },
    open(attempt) {
      if (isClosed) throw new Error('The lane is closed: nothing can be opened on it.');
      if (pass !== null) throw new Error(`The lane still belongs to attempt ${pass.attemptId}.`);
      const opened = createPass({
        ...attempt,
        token,
        prices: pricesOf(attempt.provider ?? DEFAULT_PROVIDER),
        bodyBudget,
        log,
        onClose() {
          pass = null;
        },
      });
      pass = opened;
      return opened;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      pass?.close();
      onClose();
    },
  };
}
