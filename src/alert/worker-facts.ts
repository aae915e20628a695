import { sql } from 'kysely';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import type { AlertFacts, LostWorker, StalledWorker, UnservedAgent } from './alert-facts.ts';

type WorkerFacts = Pick<AlertFacts, 'lostWorkers' | 'faultyWorkers' | 'unservedAgents' | 'stalledWorkers'>;

/** Reads the figures of workers. An index answers each statement. */
export function createWorkerFacts(database: Database): WorkerFacts {
  return {
    async lostWorkers({ since, silentUntil }) {
      const { rows } = await sql<LostWorker>`
        with lost as (
          select worker_id as id, count(*)::int as attempts from longhaul.attempts
           where lost_at is not null and lost_at > ${since}::timestamptz group by 1),
        silent as (
          select id, host from longhaul.workers
           where heartbeat_at > ${since}::timestamptz and heartbeat_at < ${silentUntil}::timestamptz)
        select coalesce(lost.id, silent.id) as id, coalesce(silent.host, worker.host) as host,
               coalesce(lost.attempts, 0) as attempts
          from lost full join silent on silent.id = lost.id
          left join longhaul.workers as worker on worker.id = lost.id
         order by 1`.execute(database.sql);
      return rows;
    },

    async faultyWorkers({ since }) {
      const { rows } = await sql<{ id: string; host: string; fault: string | null }>`
        select id, host, fault from longhaul.workers
         where heartbeat_at > ${since}::timestamptz and drain_requested_at is null order by id`.execute(database.sql);
      const faulty = rows.flatMap(({ fault, ...worker }) => (fault === null ? [] : [{ ...worker, fault }]));
      return { faulty, sound: rows.length - faulty.length };
    },

    async unservedAgents({ since, readyBefore }) {
      // Steps from one queue with queued runs to the next, by the index `runs_in_line`. Reads at most the first
      // thousand runs of each.
      const { rows } = await sql<UnservedAgent>`
        with recursive workers as (
          select agents from longhaul.workers
           where heartbeat_at > ${since}::timestamptz and drain_requested_at is null),
        lines (queue) as (
          (select queue from longhaul.runs where status = 'queued' and start_after is null order by queue limit 1)
          union all
          select (select queue from longhaul.runs
                   where status = 'queued' and start_after is null and queue > lines.queue order by queue limit 1)
            from lines where lines.queue is not null),
        ready as (
          select agent, count(*)::int as runs
            from lines, lateral (
              select agent, held_for, created_at from longhaul.runs
               where status = 'queued' and start_after is null and runs.queue = lines.queue
               order by fair_rank limit 1000) as first
           where held_for is null and created_at < ${readyBefore}::timestamptz
             and not exists (select from longhaul.queues where name = lines.queue and paused_at is not null)
           group by agent)
        select agent, runs from ready
         where agent <> ${HEALTH_AGENT}
           and not exists (select from workers where agents is null or ready.agent = any(agents))
           and not exists (select from (select started_at from longhaul.attempts
                                         where agent = ready.agent and peak_memory_bytes is not null
                                         order by id desc limit 1) as latest
                            where started_at > ${readyBefore}::timestamptz)
         order by runs desc, agent`.execute(database.sql);
      return rows;
    },

    async stalledWorkers({ since }) {
      const { rows } = await sql<StalledWorker>`
        select id, host, last_stall_ms as "stallMs" from longhaul.workers
         where last_stalled_at > ${since}::timestamptz order by last_stall_ms desc, id`.execute(database.sql);
      return rows;
    },
  };
}
