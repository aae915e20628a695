import pg from 'pg';

// Writes the history of eleven days into the database, as the service would have written it.

const PROMPTS = [
  'Which invoices of Müller & Co are overdue, and why?',
  'Sum up what came in overnight, three sentences.',
  'Plan tomorrow’s tours for the northern depots.',
  'Why was tour LY-204 late? Check the phone log.',
  'Draft a reply to the complaint of Bäckerei Hansen.',
  'Compare fuel costs of July and August by vehicle.',
  'Is the proof of delivery for 2026-0817 complete?',
  'List drivers whose licence expires before October.',
  'Translate the customs form for Basel into French.',
  'Check the new rate card against our contracts.',
  'Which customers ordered nothing since spring?',
  'Explain the surcharge on invoice 2026-0790.',
];

const CODES = ['run_timeout', 'max_turns', 'provider_overloaded', 'max_budget', 'cli_crashed'];

/** Fills the database with about `runs` runs of the last eleven days. Repeatable: the same seed makes the same runs. */
export async function writeHistory(url: string, { runs, keyId }: { runs: number; keyId: string }): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('select setseed(0.42)');
    await client.query('create temp table made on commit drop as select * from (' + MADE + ') as made', [
      runs,
      PROMPTS,
      CODES,
    ]);
    await writeRuns(client, keyId);
    await writeSamples(client);
    await client.query('commit');
  } finally {
    await client.end();
  }
}

/** Writes the runs, with their events and costs. */
async function writeRuns(client: pg.Client, keyId: string): Promise<void> {
  await client.query(
    `insert into longhaul.runs (id, agent, queue, status, prompt, user_id, team, session_id, metadata, priority, limits,
       requested_limits, attempt, max_attempts, retry_policy, created_by, created_at, started_at, finished_at, event_seq,
       result, error_code, cost_micros, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens,
       model_usage, tool_uses, turns, duration_ms, deltas_folded_at)
     select id, agent, agent, status, prompt, user_id, team, gen_random_uuid(),
            json_build_object('ticket', 1000 + n, 'source', case when n % 3 = 0 then 'mail' else 'portal' end), 0,
            '{"maxBudgetUsd":1,"maxTurns":15,"maxThinkingTokens":16000,"timeoutSeconds":120,"maxMemoryMb":2048,"maxPromptLength":5000}',
            '{}', 1, 3, '{"maxAttempts":3,"delaysSeconds":[10,30,60],"deadlineSeconds":600,"isContinued":true}', $1,
            created_at, created_at + wait, created_at + wait + took, 3,
            case status when 'succeeded' then 'Two invoices are overdue: 2026-0817 over €12,400.00 and 2026-0821 over €310.00.' end,
            code, cost, tokens, tokens / 9, tokens * 4, tokens / 2,
            json_build_object('claude-sonnet-4-5', json_build_object('inputTokens', tokens, 'outputTokens', tokens / 9,
              'cacheReadTokens', tokens * 4, 'cacheCreationTokens', tokens / 2, 'costUsd', cost / 1e6)),
            '{"Read":2,"Grep":1}', turns, (extract(epoch from took) * 1000)::bigint, now()
       from made`,
    [keyId],
  );
  await client.query(
    `insert into longhaul.run_events (run_id, seq, type, attempt, at, data)
     select id, 1, 'run.queued', 0, created_at, json_build_object('agent', agent, 'reason', 'submitted') from made
      union all select id, 2, 'run.started', 1, created_at + wait, json_build_object('workerId', gen_random_uuid()) from made
      union all select id, 3, 'run.' || status, 1, created_at + wait + took,
        case status when 'succeeded' then json_build_object('result', 'Two invoices are overdue.', 'costUsd', cost / 1e6,
               'turns', turns, 'durationMs', (extract(epoch from took) * 1000)::int)
             when 'cancelled' then json_build_object('costUsd', cost / 1e6)
             else json_build_object('error', json_build_object('code', code, 'message', 'The run took longer than its time limit and was stopped.', 'retryable', false)) end
        from made`,
  );
  await client.query(
    `insert into longhaul.ledger_entries (attempt_id, position, run_id, attempt, agent, user_id, team, model, outcome,
       concludes, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cost_micros, sdk_cost_micros,
       own_cost_micros, duration_ms, at)
     select gen_random_uuid(), 0, id, 1, agent, user_id, team, 'claude-sonnet-4-5', status, status, tokens, tokens / 9,
            tokens * 4, tokens / 2, cost, cost, (cost * 0.996)::bigint, (extract(epoch from took) * 1000)::bigint,
            created_at + wait + took
       from made`,
  );
  await client.query(
    `select longhaul.sum_up(array_agg(entry::longhaul.ledger_entries), 'UTC')
       from longhaul.ledger_entries as entry where run_id in (select id from made)`,
  );
  await client.query(
    `insert into longhaul.budget_accounts as held (scope, key, period, start, spent_micros)
     select scope, key, period, longhaul.period_start(period, day), sum(cost)
       from (select cost, created_at::date as day, o.scope, o.key, p.period
               from made
              cross join lateral (values ('user', user_id), ('team', team), ('global', '')) as o (scope, key)
              cross join (values ('day'), ('month')) as p (period) where o.key is not null) as booked
      group by 1, 2, 3, 4
     on conflict (scope, key, period, start) do update set spent_micros = held.spent_micros + excluded.spent_micros`,
  );
}

/** Writes the measurements of queues and slots, and lets the service add up its statistics. */
async function writeSamples(client: pg.Client): Promise<void> {
  await client.query(
    `insert into longhaul.queue_samples (at, queue, waiting, delayed, held, oldest_wait_ms)
     select at, queue, greatest(0, (3 * sin(extract(epoch from at) / 5400 + length(queue)) + random() * 3)::int), (random() * 2)::int, 0,
            (random() * 9000)::bigint
       from generate_series(date_trunc('minute', now() - interval '11 days'), now() - interval '1 minute', '1 minute') as at,
            unnest(array['support', 'invoices', 'deployer']) as queue
     on conflict do nothing`,
  );
  await client.query(
    `insert into longhaul.slot_samples (at, workers, slots, running)
     select at, 3, 12, greatest(0, least(12, (6 + 4 * sin(extract(epoch from at) / 5400) + 3 * (random() - 0.5))::int))
       from generate_series(date_trunc('minute', now() - interval '11 days'), now() - interval '1 minute', '1 minute') as at
     on conflict do nothing`,
  );
  await client.query(
    `truncate longhaul.stat_counts, longhaul.stat_times;
     update longhaul.stat_progress set minutes_until = date_bin('15 minutes', now() - interval '12 days', 'epoch'),
            quarters_until = date_bin('15 minutes', now() - interval '12 days', 'epoch')`,
  );
}

/** More by day than by night, fewer at weekends; most succeed. */
const MADE = `
  select n, least_id(created_at, n) as id, created_at, agent, prompt, user_id, team, status,
         case status when 'failed' then codes[1 + (power(random(), 2) * array_length(codes, 1))::int % array_length(codes, 1)]
                     when 'cancelled' then 'cancelled' end as code,
         make_interval(secs => 0.05 + power(random(), 6) * 30) as wait,
         make_interval(secs => 3 + exp(random() * 3.4)) as took,
         (4000 + power(random(), 3) * 900000)::bigint as cost, (800 + random() * 9000)::bigint as tokens,
         1 + (random() * 9)::int as turns
    from (
      select n, now() - age as created_at, (array['support','support','support','invoices','invoices','deployer'])[1 + (random() * 5)::int] as agent,
             ($2::text[])[1 + (n * 7 + (random() * 11)::int) % array_length($2::text[], 1)] as prompt,
             (array['ann','bob','cleo','dev','eva','finn',null])[1 + (random() * 6)::int] as user_id,
             (array['north','south','west'])[1 + (random() * 2)::int] as team,
             case when random() < 0.93 then 'succeeded' when random() < 0.75 then 'failed' else 'cancelled' end as status,
             $3::text[] as codes
        from (select n, make_interval(secs => power(random(), 1.25) * 11 * 86400 + 240) as age from generate_series(1, $1::int) as n) as aged
       where random() < 0.35 + 0.65 * power(sin(pi() * extract(hour from now() - age) / 24), 2)
    ) as drawn,
    lateral (select null) as nothing
`.replaceAll(
  'least_id(created_at, n)',
  `(substr(longhaul.least_id(created_at)::text, 1, 14) || '7' || lpad(to_hex(n % 4096), 3, '0') || '-8' || substr(md5(n::text), 1, 3) || '-' || substr(md5(n::text), 4, 12))::uuid`,
);
