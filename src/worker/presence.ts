import { hostname } from 'node:os';
import { sql } from 'kysely';
import type { Logger } from '../core/log.ts';
import { maskSecrets } from '../core/mask-secrets.ts';
import { repeat } from '../core/timers.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Stall } from './watch-stalls.ts';

/** The status that a worker reports with every heartbeat. */
export interface WorkerStatus {
  readonly freeMemoryBytes: number;
  /** Number of pre-started processes that wait. */
  readonly spares: number;
  /** The reason why it claims no runs now, or null. */
  readonly holdingReason: string | null;
  /** The machine's fault, if that is the reason, or null. */
  readonly fault: string | null;
  readonly isDraining: boolean;
  /** The last standstill of its event loop, or null. */
  readonly lastStall: Stall | null;
}

/** A worker's row in `longhaul.workers`, by which others know that it is alive. */
export interface Presence {
  /** Reports a change now instead of with the next heartbeat. */
  update(): void;
  /** Removes the row, because the worker has left. */
  leave(): Promise<void>;
}

/**
 * Removes the rows of workers that were killed. A dead worker is hidden after half a minute; its row is deleted after
 * an hour.
 */
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
    /** The agents whose runs it takes. */
    readonly agents: readonly string[];
    /** The queues that it takes runs from. */
    readonly queues: readonly string[];
    /** Most connections of its process to the database. */
    readonly pool_size: number;
  };
  readonly readStatus: () => WorkerStatus;
  /**
   * Called when the worker is asked to drain: at once when the notification arrives, at the latest with the next
   * heartbeat.
   */
  readonly onDrainRequested: () => void;
  readonly log: Logger;
}

/** Registers a worker. Resolves when the others can see it. */
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
      fault: fault === null ? null : maskSecrets(fault),
      last_stall_ms: lastStall?.durationMs ?? null,
      last_stalled_at: lastStall?.endedAt ?? null,
    };
    const drain_requested_at = isDraining ? sql<Date>`clock_timestamp()` : null;
    const { drain_requested_at: drainRequestedAt } = await database.sql
      .insertInto('longhaul.workers')
      .values({
        ...worker,
        agents: [...worker.agents],
        queues: [...worker.queues],
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

  /** Sends one heartbeat at a time; another one reports what changes meanwhile. */
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
      // A heartbeat in progress would insert the row again.
      await beating;
      await database.sql.deleteFrom('longhaul.workers').where('id', '=', worker.id).execute();
    },
  };
}
