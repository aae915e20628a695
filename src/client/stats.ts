import type { StatsResource } from '../api/contract.ts';
import type { Transport } from './transport.ts';

/** Which stretch of time to read, and in which steps. */
export interface StatsQuery {
  /** Included: ISO 8601. Defaults to a day before `to`. */
  readonly from?: string | undefined;
  /** Not included: ISO 8601. Defaults to now. */
  readonly to?: string | undefined;
  /** Defaults to `hour`. */
  readonly step?: StatsResource['step'] | undefined;
  /** One agent alone. Defaults to all. */
  readonly agent?: string | undefined;
}

export interface StatsMethods {
  /** What happened when: runs by outcome, failures, cost, waits and durations, step by step. */
  stats(query?: StatsQuery): Promise<StatsResource>;
}

export function createStatsMethods({ requestJson, toQuery }: Transport): StatsMethods {
  return { stats: (query = {}) => requestJson(`/v1/stats${toQuery({ ...query })}`) };
}
