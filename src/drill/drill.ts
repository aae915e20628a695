import type { DrillFleet } from './drill-fleet.ts';

/** The result of a drill, as its code returns it. */
export interface DrillFinding {
  readonly verdict: 'ok' | 'failed' | 'skipped';
  /** The actions and what was seen; for `skipped`, the reason. */
  readonly found: string;
}

export interface DrillResult extends DrillFinding {
  readonly id: string;
  readonly title: string;
  readonly seconds: number;
}

/** A failure that is caused on purpose, and the property that must hold afterwards. */
export interface Drill {
  /** Stable, in kebab case: programs may depend on it. */
  readonly id: string;
  readonly title: string;
  /** Longest time that it may take, in seconds. Defaults to 240. */
  readonly timeoutSeconds?: number;
  /** May reject: the caller turns the error into a failure. `signal` aborts when its time is up. */
  readonly perform: (fleet: DrillFleet, signal: AbortSignal) => Promise<DrillFinding>;
}

export const passed = (found: string): DrillFinding => ({ verdict: 'ok', found });
export const failed = (found: string): DrillFinding => ({ verdict: 'failed', found });
export const skipped = (found: string): DrillFinding => ({ verdict: 'skipped', found });

/** Measures from its call, in seconds with one decimal. */
export function startClock(): () => string {
  const startedAt = performance.now();
  return () => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
}
