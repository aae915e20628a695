import { createHash } from 'node:crypto';
import type { PriceOverrides } from '../core/price-table.ts';
import { createByteBudget } from './byte-budget.ts';
import type { GatewayLog } from './gateway-log.ts';
import { createLane, type ServedLane } from './lane.ts';

/** The open lanes of a gateway. */
export interface Lanes {
  /** Opens a lane, which stays until it is closed. */
  openLane(): ServedLane;
  /** Returns the lane of a token, or null. */
  find(token: string): ServedLane | null;
  closeAll(): void;
}

interface LanesOptions {
  /** Returns the configured prices of a provider's models, by the provider's name. */
  readonly pricesOf: (provider: string) => PriceOverrides;
  /** Called once for each lane, when it is closed. */
  readonly onClose: (lane: ServedLane) => void;
  readonly log: GatewayLog;
}

/** Maximum size of the bodies of all requests in progress together; four of the largest. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;

export function createLanes({ pricesOf, onClose, log }: LanesOptions): Lanes {
  // By hash, so that a lookup takes the same time however much of a guessed token is right.
  const lanes = new Map<string, ServedLane>();
  const bodyBudget = createByteBudget(MAX_HELD_BYTES);
  return {
    openLane() {
      const lane = createLane({
        pricesOf,
        bodyBudget,
        log,
        onClose() {
          lanes.delete(hash(lane.token));
          onClose(lane);
        },
      });
      lanes.set(hash(lane.token), lane);
      return lane;
    },
    find: (token) => lanes.get(hash(token)) ?? null,
    closeAll() {
      for (const lane of lanes.values()) lane.close();
    },
  };
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
