import type { Config } from '../config/config.ts';
import { inBackground } from '../core/guard.ts';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { openCollector, type Collector } from './collector.ts';

/** The metrics of a process. */
export interface Metrics {
  /** Reads the need for slots. Callers within a few seconds share one read. */
  readonly scaling: Fleet['scaling'];
  /** Returns all metrics in the text format of Prometheus, `METRICS_TYPE`. */
  scrape(): Promise<string>;
  /** Begins to count what the process does, if `scrape` has not done it. */
  start(): void;
  /** Pushes what was not pushed yet, and stops. */
  close(): Promise<void>;
}

interface MetricsOptions {
  readonly config: Config;
  readonly database: Database;
  /** True when the metrics include those of the fleet. */
  readonly hasFleet: boolean;
  readonly version: string;
  /** The id of this process's worker; null when it has none. */
  readonly workerId?: string | null;
  readonly log: Logger;
}

/** Media type of a scrape. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Creates the metrics of a process. Nothing is loaded and nothing is counted before `start` or the first `scrape`: an
 * application that never asks for metrics does not pay for them.
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const { config, database, log } = options;
  const fleet = createFleet({ config, database });
  let opening: Promise<Collector> | null = null;
  let isClosed = false;

  const open = () => (opening ??= openCollector({ ...options, fleet: options.hasFleet ? fleet : null }));
  return {
    scaling: fleet.scaling,
    scrape: async () => (await open()).scrape(),
    start() {
      if (isClosed) return;
      inBackground(open, (error) => log.warn({ err: error }, `metrics could not be started: ${toMessage(error)}`));
    },
    async close() {
      isClosed = true;
      await (await opening?.catch(() => null))?.close();
    },
  };
}
