import { LonghaulError } from '../../core/errors.ts';
import { every } from '../../core/every.ts';
import type { Logger } from '../../core/log.ts';
import { settlesWithin } from '../../core/settles-within.ts';
import { afterCommit } from '../../db/after-commit.ts';
import type { Database, Transaction } from '../../db/database.ts';
import type { Notifier } from '../notifier.ts';
import { createAvailability, type Availability } from './availability.ts';
import type { WakeUpBackend } from './backend.ts';
import { readDeploymentId } from './deployment-id.ts';
import { createHeldWakeUps } from './held-wake-ups.ts';
import { createOutbox } from './outbox.ts';
import { startSweep, type Sweep } from './start-sweep.ts';
import { createSubscriptions } from './subscriptions.ts';

/** Interval at which the process asks itself whether it has to probe the backend, in ms. */
const PROBE_EVERY_MS = 2_000;

/** Time for which a stop waits for what is still to be sent, in ms. */
const FLUSH_MS = 1_000;

interface BackendNotifierOptions {
  readonly database: Database;
  readonly backend: WakeUpBackend;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Wakes workers through a backend beside the database, which delivers each wake-up to one worker. Wake-ups are sent once
 * the transaction is committed, in the background. The number of stored wake-ups follows the number of waiting runs: a
 * claim uses up one for each run, beginning with its own.
 */
export function createBackendNotifier({ database, backend, log }: BackendNotifierOptions): Notifier {
  const held = createHeldWakeUps();
  let sweep: Sweep | null = null;
  let stopProbing = () => Promise.resolve();

  const availability = createAvailability({
    backend,
    log,
    onBack() {
      subscriptions.noteGap();
      sweep?.hurry();
    },
  });
  const subscriptions = createSubscriptions({ backend, availability, held });
  const outbox = createOutbox({
    send: (queue, count) => availability.watch(() => backend.send(queue, count)),
    discard: (queue, count) => availability.watch(() => backend.discard(queue, count)),
    isAway: () => availability.isAway,
    onLost: () => sweep?.replaceSoon(),
  });
  const count = (queue: string) => availability.watch(() => backend.count(queue));

  /** Does `work` once `trx` is committed, or now. */
  const afterwards = (trx: Transaction | null, work: () => void) => (trx === null ? work() : afterCommit(trx, work));

  return {
    async start(queues) {
      await prepare({ database, backend, queues, onAway: availability.noteFailure });
      stopProbing = every({ intervalMs: PROBE_EVERY_MS, task: () => probe(backend, availability), onError: () => {} });
      sweep = startSweep({
        database,
        queues,
        replaceEveryMs: backend.replaceEveryMs,
        isAway: () => availability.isAway,
        send: outbox.add,
        countUndelivered: count,
        onError: (err) => log.warn({ err }, 'runs that need a wake-up could not be found'),
      });
    },
    announce(trx, { queue, count: added, dueAt }) {
      afterwards(trx, () => {
        if (added > 0) outbox.add(queue, added);
        // The database knows when it is due; no clock of this machine matters.
        if (dueAt !== null) sweep?.hurry();
      });
      return Promise.resolve();
    },
    withdraw(trx, { queue, runIds }) {
      afterCommit(trx, () => {
        const left = held.use(queue, runIds.length);
        if (left > 0) outbox.add(queue, -left);
      });
      return Promise.resolve();
    },
    bid() {},
    subscribe: (listener) => Promise.resolve(subscriptions.add(listener)),
    async countUndelivered(queue) {
      if (availability.isAway) return null;
      return count(queue).catch(() => null);
    },
    get isAway() {
      return availability.isAway;
    },
    backend: backend.kind,
    async stop() {
      await stopProbing();
      await sweep?.stop();
      await settlesWithin(outbox.idle, FLUSH_MS);
      await subscriptions.stop();
      await backend.close();
    },
  };
}

interface PrepareOptions {
  readonly database: Database;
  readonly backend: WakeUpBackend;
  readonly queues: readonly string[];
  /** Receives the error of a backend that is away, which keeps no process from starting. */
  readonly onAway: (error: unknown) => void;
}

async function prepare({ database, backend, queues, onAway }: PrepareOptions): Promise<void> {
  const id = await readDeploymentId(database);
  try {
    await backend.prepare(id, queues);
  } catch (error) {
    if (!(error instanceof LonghaulError)) return onAway(error);
    await backend.close();
    throw error;
  }
}

/** Probes a backend that has not answered lately. */
async function probe(backend: WakeUpBackend, availability: Availability): Promise<void> {
  if (!availability.isAway && availability.silentForMs <= backend.probeAfterMs) return;
  await availability.watch(() => backend.probe());
}
