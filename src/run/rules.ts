import type { Config } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';

/** Rules of the configuration that runs follow beside their own limits. */
export interface RunRules {
  /** IANA name of the time zone in which days and months of budgets and costs begin. */
  readonly timeZone: string;
  readonly limits: Config['limits'];
  readonly agents: ReadonlyMap<string, { readonly concurrent: number | null }>;
}

/** The dependencies of functions that change runs. */
export interface RunDeps {
  readonly database: Database;
  readonly queue: Queue;
  readonly rules: RunRules;
}

/** The dependencies of functions that end runs: the log receives failures after the end is committed. */
export interface EndDeps extends RunDeps {
  readonly log: Logger;
}
