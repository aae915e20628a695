import type { Config } from '../config/config.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import { every } from '../core/every.ts';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import { rollUp } from './roll-up.ts';
import { sample } from './sample.ts';

const EVERY_MS = 15_000;

interface StatsOptions {
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
  readonly log: Logger;
}

/** Starts to roll up statistics and to sample queues. Any number of processes may. Returns a function that stops it. */
export function startStats({ config, database, queue, log }: StatsOptions): () => Promise<void> {
  const queueNames = [...new Set(withoutHealthAgent(config.agents).map((agent) => agent.queue))];
  const leaving = new AbortController();
  let isFailing = false;

  async function task(): Promise<void> {
    await sample({ database, queue, queueNames });
    while (!leaving.signal.aborted && (await rollUp(database, config)));
    isFailing = false;
  }

  const stop = every({
    intervalMs: EVERY_MS,
    task,
    onError(error) {
      // Logged once, not every few seconds while the database is unreachable.
      if (!isFailing) log.warn({ err: error }, `rolling up statistics failed: ${toMessage(error)}`);
      isFailing = true;
    },
  });
  return async () => {
    leaving.abort();
    await stop();
  };
}
