import type { Config } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';

/** What the life of a run is held to beside its own limits: a configuration has it. */
export interface RunRules {
  /** IANA name: where days and months of budgets and costs begin. */
  readonly timeZone: string;
  readonly limits: Config['limits'];
  readonly agents: ReadonlyMap<string, { readonly concurrent: number | null }>;
}

/** What changes to a run are made with. */
export interface RunDeps {
  readonly database: Database;
  readonly queue: Queue;
  readonly rules: RunRules;
}
