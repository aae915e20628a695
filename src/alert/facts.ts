import { sql } from 'kysely';
import type { Config } from '../config/config.ts';
import { HEALTH_AGENT, withoutHealthAgent } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import type {
  AlertFacts,
  AttemptCount,
  FailingWebhook,
  LostWorker,
  OutcomeCount,
  StalledWorker,
  UnservedAgent,
} from './alert-facts.ts';
import { createMoneyFacts } from './money-facts.ts';

interface FactsDeps {
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
}

/** Reads the figures from the tables of runs, attempts, workers and money. An index answers each statement. */
export function createAlertFacts({ config, database, queue }: FactsDeps): AlertFacts {
  const queues = [...new Set(withoutHealthAgent(config.agents).map((agent) => agent.queue))];

  /** `code` is a literal in the statement: only then can the partial index of these few attempts answer it. */
  async function countAttempts(code: 'hung' | 'cli_not_found', since: Date): Promise<AttemptCount[]> {
    const { rows } = await sql<AttemptCount>`
      select coalesce(agent, '') as agent, count(*)::int as attempts from longhaul.attempts
       where error_code = ${sql.lit(code)} and finished_at > ${since}::timestamptz
       group by 1 order by 2 desc, 1`.execute(database.sql);
    return rows;
  }

  return {
    ...createMoneyFacts({ config, database }),

    queueDepths: () => queue.depth(queues),

    async outcomes({ since }) {
      const { rows } = await sql<OutcomeCount>`
        select agent, status, case status when 'failed' then error_code end as "errorCode", count(*)::int as runs
          from longhaul.runs
         where finished_at > ${since}::timestamptz and status in ('succeeded', 'failed')
         group by 1, 2, 3`.execute(database.sql);
      return rows;
    },

    hungRuns: ({ since }) => countAttempts('hung', since),

    missingExecutables: ({ since }) => countAttempts('cli_not_found', since),

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

    async failingWebhooks({ since }) {
      const { rows } = await sql<FailingWebhook>`
        with failed as (
          select lane, count(*)::int as deliveries, min(last_attempt_at) as first_at, max(last_attempt_at) as last_at,
                 (array_agg(id order by last_attempt_at desc, id))[1] as last_id
            from longhaul.webhook_deliveries
           where status = 'failed' and last_attempt_at > ${since}::timestamptz and run_id is not null
           group by lane)
        select failed.lane, last.url, last.endpoint_id as "webhookId", last.key_id as "keyId", failed.deliveries,
               last.response_status as "responseStatus", failed.last_at as "lastAt"
          from failed join longhaul.webhook_deliveries as last on last.id = failed.last_id
         where not exists (select from longhaul.webhook_deliveries as later
                            where later.lane = failed.lane and later.status = 'delivered'
                              and later.delivered_at > failed.last_at)
           and not exists (select from longhaul.api_keys where id = last.key_id and revoked_at is not null)
           and (last.endpoint_id is null
                or exists (select from longhaul.webhook_endpoints where id = last.endpoint_id))
         order by first_at, lane`.execute(database.sql);
      return rows;
    },
  };
}
