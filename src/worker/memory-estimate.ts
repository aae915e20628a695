import type { Agent } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import { ASSUMED_BYTES, readMemoryUse } from '../run/read/read-memory-use.ts';

/** The amount of memory that an attempt of an agent is expected to need. */
export interface MemoryEstimate {
  readonly bytes: number;
  /** False until an attempt of the agent was measured: the figure is then an assumption. */
  readonly isMeasured: boolean;
}

/** The amount of memory that each agent's recent attempts needed. */
export interface MemoryEstimates {
  /** Returns the highest use in an agent's last 50 attempts, but never more than a run of it may take. */
  of(agent: string): MemoryEstimate;
  /** Raises an agent's estimate to the use of an attempt on this worker, before the database has it. */
  raise(agent: string, bytes: number): void;
  stop(): Promise<void>;
}

const REFRESH_EVERY_MS = 60_000;

interface EstimateOptions {
  readonly database: Database;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly log: Logger;
}

/** Reads the memory that the agents needed on any worker, now and every minute. */
export async function watchMemoryEstimates({ database, agents, log }: EstimateOptions): Promise<MemoryEstimates> {
  let recorded = new Map<string, number>();
  /** The values raised since the last read of the database, and between the last two reads. */
  let raised = new Map<string, number>();
  let raisedBefore = new Map<string, number>();
  let reading: Promise<void> | null = null;

  async function read(): Promise<void> {
    try {
      recorded = await readMemoryUse(database, [...agents.keys()]);
      // By the second read the value is in the database, or its attempt still runs and raises it again.
      [raisedBefore, raised] = [raised, new Map()];
    } catch (error) {
      log.warn({ err: error }, 'the memory use of agents could not be read');
    }
  }
  await read();
  const timer = repeat(REFRESH_EVERY_MS, () => {
    reading ??= read().finally(() => {
      reading = null;
    });
  });

  return {
    of(agent) {
      const measured = Math.max(...[recorded, raised, raisedBefore].map((marks) => marks.get(agent) ?? 0));
      const mostBytes = (agents.get(agent)?.limits.maxMemoryMb ?? Infinity) * 1_000_000;
      return { bytes: Math.min(measured > 0 ? measured : ASSUMED_BYTES, mostBytes), isMeasured: measured > 0 };
    },
    raise(agent, bytes) {
      if (bytes > (raised.get(agent) ?? 0)) raised.set(agent, bytes);
    },
    async stop() {
      clearInterval(timer);
      await reading;
    },
  };
}
