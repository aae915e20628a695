import { sql } from 'kysely';
import type { Agent } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';

/** How much memory an attempt of an agent is expected to need. */
export interface MemoryEstimate {
  readonly bytes: number;
  /** False while no attempt of the agent was ever measured: the figure is then an assumption. */
  readonly isMeasured: boolean;
}

/** What each agent's attempts have needed lately. */
export interface MemoryEstimates {
  /** The high-water mark of an agent's last 50 attempts, but never more than a run of it may take. */
  of(agent: string): MemoryEstimate;
  /** Takes in what an attempt on this worker needs, before the database has it. */
  raise(agent: string, bytes: number): void;
  stop(): Promise<void>;
}

/** A streaming Claude Code process held 175 MB resident (measured, 2.1.330), and its tools come on top. */
export const ASSUMED_BYTES = 256_000_000;

/** Attempts an agent is judged by: one that was outrageous is forgotten in time. */
const ATTEMPTS = 50;

const REFRESH_EVERY_MS = 60_000;

interface EstimateOptions {
  readonly database: Database;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly log: Logger;
}

/** Reads what the agents have needed, on whichever worker, now and every minute. */
export async function watchMemoryEstimates({ database, agents, log }: EstimateOptions): Promise<MemoryEstimates> {
  let recorded = new Map<string, number>();
  /** What was raised since the last look at the database, and in the time between that and the one before. */
  let raised = new Map<string, number>();
  let raisedBefore = new Map<string, number>();
  let reading: Promise<void> | null = null;

  async function read(): Promise<void> {
    try {
      recorded = await readHighWaterMarks(database, [...agents.keys()]);
      // By the second look it is on record, or its attempt is still there and raises it again.
      [raisedBefore, raised] = [raised, new Map()];
    } catch (error) {
      log.warn({ err: error }, 'what agents have needed of memory could not be read');
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

/** The most that any of an agent's last attempts held, by agent; those never measured are missing. */
async function readHighWaterMarks(database: Database, agents: readonly string[]): Promise<Map<string, number>> {
  // One short walk down the index `attempts_by_agent` for each agent.
  const { rows } = await sql<{ agent: string; bytes: number | null }>`
    select name as agent,
           (select max(peak_memory_bytes)::float8
              from (select peak_memory_bytes from longhaul.attempts
                     where agent = name and peak_memory_bytes is not null
                     order by id desc limit ${sql.lit(ATTEMPTS)}) as latest) as bytes
      from unnest(${sql.val([...agents])}::text[]) as name`.execute(database.sql);
  return new Map(rows.flatMap(({ agent, bytes }) => (bytes === null ? [] : [[agent, bytes] as const])));
}
