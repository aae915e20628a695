import { hostname } from 'node:os';
import { sql } from 'kysely';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Stall } from './watch-stalls.ts';

/** What a worker says of itself with every heartbeat. */
export interface WorkerStatus {
  readonly freeMemoryBytes: number;
  /** Processes that wait started. */
  readonly spares: number;
  /** Why it takes no run just now, or null. */
  readonly holdingReason: string | null;
  /** What its machine lacks, where it is that; null: nothing. */
  readonly fault: string | null;
  readonly isDraining: boolean;
  /** The last time for which its event loop did nothing, or null. */
  readonly lastStall: Stall | null;
}

/** A worker's row in `longhaul.workers`, by which others know that it is there. */
export interface Presence {
  /** Something has changed: says so now, not only with the next heartbeat. */
  update(): void;
  /** Takes the row away: the worker has left. */
  leave(): Promise<void>;
}

/** Removes the rows of workers that were killed. They have not been shown for an hour, since half a minute after it. */
export async function removeDeadWorkers(database: Database): Promise<void> {
  await database.sql
    .deleteFrom('longhaul.workers')
    .where('heartbeat_at', '<', sql<Date>`now() - interval '1 hour'`)
    .execute();
}

const HEARTBEAT_EVERY_MS = 10_000;

interface PresenceOptions {
  readonly database: Database;
  readonly worker: {
    readonly id: string;
    readonly version: string;
    readonly slots: number;
    readonly containment: string;
    /** Those whose runs it takes. */
    readonly agents: readonly string[];
  };
  readonly readStatus: () => WorkerStatus;
  /** Called when somebody has asked the worker to drain: at once when told, at the latest with the next heartbeat. */
  readonly onDrainRequested: () => void;
  readonly log: Logger;
}

/** Makes a worker known. Resolves when the others can see it. */
export async function announcePresence(options: PresenceOptions): Promise<Presence> {
  const { database, worker, readStatus, onDrainRequested, log } = options;
  let beating: Promise<void> | null = null;
  let isOutdated = false;
  let hasLeft = false;

  async function beat(): Promise<void> {
    const { freeMemoryBytes, spares, holdingReason, fault, isDraining, lastStall } = readStatus();
    const status = {
      free_memory_bytes: freeMemoryBytes,
      spares,
      holding_reason: holdingReason,
      fault,
      last_stall_ms: lastStall?.durationMs ?? null,
      last_stalled_at: lastStall?.endedAt ?? null,
    };
    const drain_requested_at = isDraining ? sql<Date>`clock_timestamp()` : null;
    const { drain_requested_at: drainRequestedAt } = await database.sql
      .insertInto('longhaul.workers')
      .values({
        ...worker,
        agents: [...worker.agents],
        host: hostname(),
        pid: process.pid,
        ...status,
        drain_requested_at,
      })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({
          ...status,
          heartbeat_at: sql<Date>`clock_timestamp()`,
          drain_requested_at: sql<Date | null>`coalesce(workers.drain_requested_at, excluded.drain_requested_at)`,
        }),
      )
      .returning('drain_requested_at')
      .executeTakeFirstOrThrow();
    if (drainRequestedAt !== null && !isDraining) onDrainRequested();
  }

  /** One beat at a time; what changes meanwhile is told by one more. */
  function update(): void {
    isOutdated = true;
    beating ??= (async () => {
      while (isOutdated && !hasLeft) {
        isOutdated = false;
        await beat();
      }
    })()
      .catch((error: unknown) => log.warn({ err: error }, 'heartbeat failed'))
      .finally(() => {
        beating = null;
      });
  }

  await beat();
  const stopListening = await database.listen(
    CHANNELS.drain,
    (workerId) => {
      if (workerId === worker.id) onDrainRequested();
    },
    update,
  );
  const timer = repeat(HEARTBEAT_EVERY_MS, update);
  return {
    update,
    async leave() {
      hasLeft = true;
      clearInterval(timer);
      await stopListening();
      // A heartbeat under way would put the row back.
      await beating;
      await database.sql.deleteFrom('longhaul.workers').where('id', '=', worker.id).execute();
    },
  };
}
