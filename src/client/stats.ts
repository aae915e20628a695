import type { ScalingResource, StatsResource } from '../api/contract.ts';
import type { Transport } from './transport.ts';

/** The range of time to read, and its steps. */
export interface StatsQuery {
  /** Start (inclusive), ISO 8601. Defaults to one day before `to`. */
  readonly from?: string | undefined;
  /** End (exclusive), ISO 8601. Defaults to now. */
  readonly to?: string | undefined;
  /** Defaults to `hour`. */
  readonly step?: StatsResource['step'] | undefined;
  /** Name of one agent. Defaults to all agents. */
  readonly agent?: string | undefined;
}

export interface StatsMethods {
  /** Reads statistics: runs by outcome, failures, cost, waits and durations, step by step. */
  stats(query?: StatsQuery): Promise<StatsResource>;
  /**
   * Reads how many slots the fleet needs, for autoscalers; with `memoryGb`, also how many a machine with this memory
   * carries. For keys with the scope `metrics` or `admin`.
   */
  scaling(query?: { memoryGb?: number | undefined }): Promise<ScalingResource>;
}

export function createStatsMethods({ requestJson, toQuery }: Transport): StatsMethods {
  return {
    stats: (query = {}) => requestJson(`/v1/stats${toQuery({ ...query })}`),
    scaling: (query = {}) => requestJson(`/v1/scaling${toQuery({ ...query })}`),
  };
}
