import { sql } from 'kysely';
import type { Config } from '../config/config.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import type { AlertFacts, AttemptCount, FailingWebhook, OutcomeCount } from './alert-facts.ts';
import { createMoneyFacts } from './money-facts.ts';
import { createWorkerFacts } from './worker-facts.ts';

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
    ...createWorkerFacts(database),

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
