import { sql } from 'kysely';
import type { Agent } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';

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

/** A streaming Claude Code process used 175 MB resident (measured, 2.1.330); its tools need more on top. */
export const ASSUMED_BYTES = 256_000_000;

/** Number of recent attempts in an agent's estimate, so that an extreme attempt is forgotten in time. */
const ATTEMPTS = 50;

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
      recorded = await readHighWaterMarks(database, [...agents.keys()]);
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

/** Reads the highest use of each agent's last attempts. Agents that were never measured are missing. */
async function readHighWaterMarks(database: Database, agents: readonly string[]): Promise<Map<string, number>> {
  // A short walk down the index `attempts_by_agent` for each agent.
  const { rows } = await sql<{ agent: string; bytes: number | null }>`
    select name as agent,
           (select max(peak_memory_bytes)::float8
              from (select peak_memory_bytes from longhaul.attempts
                     where agent = name and peak_memory_bytes is not null
                     order by id desc limit ${sql.lit(ATTEMPTS)}) as latest) as bytes
      from unnest(${sql.val([...agents])}::text[]) as name`.execute(database.sql);
  return new Map(rows.flatMap(({ agent, bytes }) => (bytes === null ? [] : [[agent, bytes] as const])));
}
