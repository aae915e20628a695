import { after } from '../../core/timers.ts';
import type { Database } from '../../db/database.ts';
import { addSweptQueues, sweepQueues } from './sweep-queues.ts';

/** Interval of the sweeps of the process whose turn it is, in ms. */
const SWEEP_EVERY_MS = 5_000;

/** A process whose turn it was not waits for one to two times this long, in ms, and so takes over from a process that died. */
const OTHERS_EVERY_MS = 8_000;

/** Shortest time between two sweeps of a process, in ms. */
const SHORTEST_MS = 200;

/** Part of the interval after which lost wake-ups are replaced: a sweep may be a little early. */
const EARLY = 0.9;

/** Time after which wake-ups that could not be sent are replaced, in ms: the sweep leaves younger runs alone. */
const REPLACE_AFTER_MS = 2_500;

/** Added to the time until a run is due, in ms: a timer may be a little early. */
const DUE_MARGIN_MS = 5;

interface SweepOptions {
  readonly database: Database;
  readonly queues: readonly string[];
  readonly replaceEveryMs: number;
  /** While it returns true nothing is swept, because nothing could be sent. */
  readonly isAway: () => boolean;
  readonly send: (queue: string, count: number) => void;
  readonly countUndelivered: (queue: string) => Promise<number>;
  readonly onError: (error: unknown) => void;
}

/**
 * Sends wake-ups for delayed runs that have become due, and for runs whose wake-ups were lost. Workers and servers do it:
 * a fleet that is scaled to zero has only servers.
 */
export interface Sweep {
  /** Sweeps soon: a delayed run was queued, or the backend answers again. */
  hurry(): void;
  /** Replaces the wake-ups that could not be sent, as soon as the runs count as overdue. */
  replaceSoon(): void;
  stop(): Promise<void>;
}

export function startSweep(options: SweepOptions): Sweep {
  const { database, queues, replaceEveryMs, isAway, send, countUndelivered, onError } = options;
  let isStopped = false;
  /** True when runs may be due that another process's sweep has not seen. */
  let isNeeded = true;
  let mustReplace = false;
  let isPrepared = false;
  let sweeping: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let replaceTimer: NodeJS.Timeout | null = null;

  /** Returns the time until the next sweep. */
  async function sweep(wasNeeded: boolean): Promise<{ inMs: number; isForRun: boolean }> {
    if (isAway()) return { inMs: OTHERS_EVERY_MS, isForRun: false };
    if (!isPrepared) await addSweptQueues(database, queues);
    isPrepared = true;
    const swept = await sweepQueues(database, {
      queues,
      replaceEveryMs: replaceEveryMs * EARLY,
      isNeeded: wasNeeded,
      mustReplace,
    });
    if (swept.length === queues.length) mustReplace = false;
    // The other process that sweeps a queue now may have begun before the run was queued.
    if (wasNeeded && swept.length < queues.length) isNeeded = true;
    let dueInMs = Infinity;
    for (const found of swept) {
      if (found.due > 0) send(found.queue, found.due);
      if (found.overdue > found.due) await replace(found.queue, found.overdue - found.due);
      if (found.nextInMs !== null) dueInMs = Math.min(dueInMs, found.nextInMs + DUE_MARGIN_MS);
    }
    const everyMs = swept.length === 0 ? OTHERS_EVERY_MS * (1 + Math.random()) : SWEEP_EVERY_MS;
    return { inMs: Math.min(everyMs, dueInMs), isForRun: dueInMs < everyMs };
  }

  async function replace(queue: string, overdue: number): Promise<void> {
    const undelivered = await countUndelivered(queue).catch(() => null);
    if (undelivered === null) mustReplace = true;
    else if (overdue > undelivered) send(queue, overdue - undelivered);
  }

  async function run(): Promise<void> {
    const wasNeeded = isNeeded;
    isNeeded = false;
    let next = { inMs: SWEEP_EVERY_MS, isForRun: wasNeeded };
    try {
      next = await sweep(wasNeeded);
    } catch (error) {
      onError(error);
    }
    sweeping = null;
    plan(isNeeded ? { inMs: SHORTEST_MS, isForRun: true } : next);
  }

  function plan({ inMs, isForRun }: { inMs: number; isForRun: boolean }): void {
    clearTimeout(timer);
    if (isStopped) return;
    timer = after(Math.max(SHORTEST_MS, inMs), () => {
      isNeeded ||= isForRun;
      sweeping ??= run();
    });
  }

  function hurry(): void {
    if (queues.length === 0 || isNeeded) return;
    isNeeded = true;
    if (sweeping === null) plan({ inMs: SHORTEST_MS, isForRun: true });
  }

  sweeping = queues.length === 0 ? null : run();
  return {
    hurry,
    replaceSoon() {
      if (queues.length === 0 || isStopped) return;
      replaceTimer ??= after(REPLACE_AFTER_MS, () => {
        replaceTimer = null;
        mustReplace = true;
        hurry();
      });
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      clearTimeout(replaceTimer ?? undefined);
      await sweeping;
    },
  };
}
