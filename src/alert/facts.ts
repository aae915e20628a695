import { sql } from 'kysely';
import type { Config } from '../config/config.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import type { AlertFacts, AttemptCount, LostWorker, OutcomeCount } from './alert-facts.ts';
import { createMoneyFacts } from './money-facts.ts';

interface FactsDeps {
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
}

/** Reads the figures from the tables of runs, attempts, workers and money. Each statement is answered from an index. */
export function createAlertFacts({ config, database, queue }: FactsDeps): AlertFacts {
  const queues = [...new Set(withoutHealthAgent(config.agents).map((agent) => agent.queue))];

  /** `code` is written into the statement: only so can the partial index of the few such attempts answer it. */
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
           where error_code = 'worker_lost' and finished_at > ${since}::timestamptz group by 1),
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
  };
}
