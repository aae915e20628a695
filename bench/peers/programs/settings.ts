/** The settings of a peer's programs, which they read from variables as such programs do. */
export interface Settings {
  readonly workspace: string;
  /** Agents at once. */
  readonly slots: number;
  /** Most dollars a run may cost. */
  readonly runBudgetUsd: number;
  /** Most dollars that all runs of a day may cost; infinite: no limit. */
  readonly dayBudgetUsd: number;
  /** True when a Claude Code waits, started, for the next run. */
  readonly isWarm: boolean;
}

/** Milliseconds that runs in progress may go on after a SIGTERM. */
export const DRAIN_TIMEOUT_MS = 200_000;

/** Tries of a run, the first included. */
export const ATTEMPTS = 3;

/** Seconds before the second try; each later try waits twice as long. */
export const RETRY_DELAY_SECONDS = 5;

/** Reads the settings. Throws when a variable is missing. */
export function readSettings(): Settings {
  return {
    workspace: readVariable('WORKSPACE'),
    slots: Number(process.env['SLOTS'] ?? 4),
    runBudgetUsd: Number(process.env['RUN_BUDGET_USD'] ?? 1),
    dayBudgetUsd: Number(process.env['DAY_BUDGET_USD'] ?? Infinity),
    isWarm: process.env['WARM'] === '1',
  };
}

/** Reads a variable that has no default. */
export function readVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`The variable ${name} is not set.`);
  return value;
}
