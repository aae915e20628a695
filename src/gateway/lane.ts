import { randomBytes } from 'node:crypto';
import type { Micros } from '../core/money.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { Metered } from './metered.ts';
import { createPass, type AttemptPass, type GatewayPass } from './pass.ts';

/**
 * A token that a process is started with before it is known which attempt it will work for. While no pass is open
 * on it every request is refused with 402, as for an attempt that has ended.
 */
export interface GatewayLane {
  /** For the process's environment, in place of a provider's key. */
  readonly token: string;
  /** Lets an attempt in until its pass is closed. Throws when another one's is still open, or the lane is closed. */
  open(attempt: OpenOptions): GatewayPass;
  /** Ends the token, and the pass that is open on it. */
  close(): void;
}

export interface OpenOptions {
  readonly attemptId: string;
  /** Where its calls go, by name. Defaults to `default`. */
  readonly provider?: string;
  /**
   * What the attempt may cost: each call's `max_tokens` is lowered to what is left, and once the meter stands there no
   * further call is sent. Defaults to no ceiling.
   */
  readonly ceilingMicros?: Micros;
  /**
   * How many answers the attempt may have to requests that offer tools, those of sub-agents included: the next one is
   * refused. Defaults to any number.
   */
  readonly maxTurns?: number;
  /**
   * What any one request may think, in tokens: a larger budget is lowered to it, and 0 turns thinking off. Defaults to
   * what the request asks for.
   */
  readonly maxThinkingTokens?: number;
  /** Called when more is known of what the attempt uses: as an answer begins, and when its final count comes. */
  readonly onMeter?: (metered: Metered) => void;
  /**
   * Asked before each call is sent: whether the attempt is still its worker's. A worker that was stopped for a while
   * wakes with requests to pass on, of an attempt that another may have by then. `unknown`: that is being found out, and
   * the call is to come again. Defaults to always.
   */
  readonly isEntitled?: () => boolean | 'unknown';
}

/** The same lane, as the gateway serves it. */
export interface ServedLane extends GatewayLane {
  open(attempt: OpenOptions & { readonly onClose?: () => void }): GatewayPass;
  /** What a request with the token counts for, or null. */
  readonly pass: AttemptPass | null;
}

interface LaneOptions {
  readonly prices: PriceOverrides;
  /** What all attempts of the gateway share. */
  readonly bodyBudget: ByteBudget;
  /** Called once, when the lane is closed. */
  readonly onClose: () => void;
  readonly log: GatewayLog;
}

/** Makes a lane with a token of its own. */
export function createLane({ prices, bodyBudget, onClose, log }: LaneOptions): ServedLane {
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
        prices,
        bodyBudget,
        log,
        onClose() {
          pass = null;
          attempt.onClose?.();
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
