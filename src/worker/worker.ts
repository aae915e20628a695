import { hostname } from 'node:os';
import { rm } from 'node:fs/promises';
import { sql } from 'kysely';
import { findContainment } from '../agent/containment.ts';
import { startReaper } from '../agent/reaper.ts';
import { sweepOrphans } from '../agent/sweep.ts';
import type { StopReason } from '../agent/agent-process.ts';
import type { Config } from '../config/config.ts';
import { createId } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Queue } from '../queue/queue.ts';
import { createClaimer, type Claimer } from './claimer.ts';
import { executeAttempt, type Execution } from './execute-attempt.ts';
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts';
import { startMaintenance } from './maintenance.ts';
import { makeScratch, sweepScratch } from './scratch.ts';

interface WorkerDeps {
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
  readonly gateway: Gateway;
  readonly version: string;
  readonly log: Logger;
}

/** A process's slots: claims runs and executes them until it is told to stop. */
export interface Worker {
  readonly id: string;
  readonly runningCount: number;
  start(): Promise<void>;
  /** Takes no more runs, and resolves when those it has are finished; false when some are not after `timeoutMs`. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Ends the runs it still has and puts them in line again, then leaves. */
  stop(): Promise<void>;
}

const HEARTBEAT_EVERY_MS = 10_000;

export function createWorker({ config, database, queue, gateway, version, log }: WorkerDeps): Worker {
  const id = createId();
  const executions = new Map<string, Execution>();
  const closers: (() => Promise<void> | void)[] = [];
  let leases: LeaseKeeper;
  let claimer: Claimer | null = null;

  const beat = async () => {
    const row = { id, host: hostname(), pid: process.pid, version, slots: config.worker.slots };
    await database.sql
      .insertInto('longhaul.workers')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ heartbeat_at: sql<Date>`clock_timestamp()` }))
      .execute();
  };

  return {
    id,
    get runningCount() {
      return executions.size;
    },

    async start() {
      // What a former worker on this machine left behind goes first: it must not work beside its successor.
      await sweepOrphans({ log });
      await sweepScratch();
      const { kind: containment } = await findContainment();
      log.info({ workerId: id, slots: config.worker.slots, containment }, 'worker started');
      const reaper = startReaper();
      closers.push(() => reaper.dismiss());
      const scratchRoot = await makeScratch();
      closers.push(() => rm(scratchRoot, { recursive: true, force: true }));

      leases = createLeaseKeeper({ database, log });
      closers.push(() => leases.stop());
      await beat();
      const heartbeat = setInterval(() => {
        beat().catch((error: unknown) => log.warn({ err: error }, 'heartbeat failed'));
      }, HEARTBEAT_EVERY_MS);
      closers.push(async () => {
        clearInterval(heartbeat);
        await database.sql.deleteFrom('longhaul.workers').where('id', '=', id).execute();
      });

      closers.push(await database.listen(CHANNELS.cancel, (runId) => executions.get(runId)?.stop('cancelled')));
      closers.push(startMaintenance({ config, database, queue, log }));

      const deps = {
        database,
        queue,
        gateway,
        leases,
        agents: config.agents,
        claudePath: config.claudePath,
        scratchRoot,
        dataDir: config.dataDir,
        log,
      };
      claimer = await createClaimer({
        deps: { database, queue, log },
        workerId: id,
        queues: [...new Set([...config.agents.values()].map((agent) => agent.queue))],
        freeSlots: () => config.worker.slots - executions.size,
        onClaim(claim) {
          const execution = executeAttempt(deps, claim);
          executions.set(claim.run.id, execution);
          void execution.done.then(() => {
            executions.delete(claim.run.id);
            claimer?.wake();
          });
        },
      });
    },

    async drain(timeoutMs) {
      await claimer?.stop();
      const finished = Promise.all([...executions.values()].map(({ done }) => done)).then(() => true);
      const { promise: timedOut, resolve } = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => resolve(false), timeoutMs);
      const isDrained = await Promise.race([finished, timedOut]);
      clearTimeout(timer);
      return isDrained;
    },

    async stop() {
      await claimer?.stop();
      await endAll('handed_back');
      for (const close of closers.splice(0).reverse()) {
        await Promise.resolve(close()).catch((error: unknown) =>
          log.warn({ err: error }, 'the worker did not leave cleanly'),
        );
      }
    },
  };

  async function endAll(reason: StopReason): Promise<void> {
    for (const execution of executions.values()) execution.stop(reason);
    await Promise.all([...executions.values()].map(({ done }) => done));
  }
}
