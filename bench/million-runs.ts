import type pg from 'pg';
import type { RunLimits } from '../src/core/limits.ts';

/** The days over which the runs are spread, up to now. */
export const DAYS = 60;

/** Events of each run. */
const EVENTS = 5;

const AGENTS = 20;
const QUEUES = 4;
const BATCH = 25_000;

/** An agent of the first half of the time, which has a quarter of all runs of that time. */
const RETIRED_AGENT = 'retired';

/** The configuration of the agents that the runs are of. */
export function toAgents(): Record<string, { queue: string; tools: string[] }> {
  return Object.fromEntries([
    ...Array.from(
      { length: AGENTS },
      (_, index) => [`agent-${index}`, { queue: `queue-${index % QUEUES}`, tools: ['Read'] }] as const,
    ),
    [RETIRED_AGENT, { queue: 'retired', tools: ['Read'] }],
  ]);
}

/**
 * Writes `count` finished runs with sessions, words, attempts, events and ledger entries in SQL: the rows that
 * submissions and settlements would have left, without their triggers. The values of a run follow from its number:
 *
 * - a user of 2,000 (one has 5 % of the runs, another only old ones), a team of 40 that follows from the user;
 * - an agent of 20, from 22 % down to 2.5 %, one of which never fails; or the retired agent;
 * - 90 % succeeded, 7 % failed with one of 6 codes, one of them rare, 3 % cancelled;
 * - a session of five runs for each fifth run, a schedule for 3 %, a retry of one failure in three;
 * - metadata and words that all runs have, a hundredth has, or ten have.
 */
export async function writeRuns(
  database: pg.Client,
  { count, limits, createdBy }: { count: number; limits: RunLimits; createdBy: string },
): Promise<void> {
  await prepareRuns(database, count);
  for (let from = 1; from <= count; from += BATCH)
    await writeRange(database, [from, Math.min(count, from + BATCH - 1)], { limits, createdBy });
  // The server has begun with the minutes since its start.
  await database.query(
    'truncate longhaul.stat_counts, longhaul.stat_times, longhaul.stat_count_sums, longhaul.stat_time_sums',
  );
  await database.query(STATISTICS);
  for (const table of ['runs', 'run_search', 'run_events', 'attempts', 'sessions', 'ledger_entries', 'cost_rollups'])
    await database.query(`vacuum analyze longhaul.${table}`);
}

/** Prepares the database for `writeRange`, of `count` runs over `DAYS` days. */
export async function prepareRuns(database: pg.Client, count: number): Promise<void> {
  await database.query('set synchronous_commit = off');
  await createFunctions(database, count);
}

/** Writes the runs whose numbers are in the range, from its first to its last. */
export async function writeRange(
  database: pg.Client,
  range: readonly [number, number],
  { limits, createdBy }: { limits: RunLimits; createdBy: string },
): Promise<void> {
  await database.query('set session_replication_role = replica');
  await database.query(RUNS, [...range, JSON.stringify(limits), createdBy]);
  for (const statement of [SESSIONS, WORDS, ATTEMPTS, EVENTS_OF_RUNS, LEDGER])
    await database.query(statement, [...range]);
  await database.query('reset session_replication_role');
}

async function createFunctions(database: pg.Client, count: number): Promise<void> {
  await database.query('create schema bench');
  await database.query(`create table bench.spread as
    select now() - interval '${DAYS} days' as since, interval '${DAYS} days' / ${count} as step`);
  // Evenly distributed from 0 to 1, and the same for the same number.
  await database.query(`create function bench.random(n bigint, seed bigint) returns float8 language sql immutable as $$
    select (hashint8extended(n, seed) & 1048575) / 1048576.0 $$`);
  await database.query(`create function bench.submitted_at(n bigint) returns timestamptz language sql stable as $$
    select since + n * step from bench.spread $$`);
  await database.query(`create function bench.id_of(name text) returns uuid language sql immutable as $$
    select overlay(overlay(md5(name) placing '7' from 13) placing '8' from 17)::uuid $$`);
  await database.query(`create function bench.run_id(n bigint) returns uuid language sql stable as $$
    select (left(longhaul.least_id(bench.submitted_at(n))::text, 13) || right(bench.id_of(n::text)::text, 23))::uuid $$`);
  await database.query(`create function bench.status(n bigint, agent text) returns text language sql immutable as $$
    select case when agent <> 'agent-19' and bench.random(n, 2) < 0.07 then 'failed'
                when bench.random(n, 2) > 0.97 then 'cancelled' else 'succeeded' end $$`);
  await database.query(`create function bench.agent(n bigint) returns text language sql stable as $$
    select case when now() - bench.submitted_at(n) > interval '${DAYS / 2} days' and bench.random(n, 3) < 0.25 then '${RETIRED_AGENT}'
                else 'agent-' || floor(${AGENTS} * bench.random(n, 4) ^ 2) end $$`);
  await database.query(`create function bench.user_number(n bigint) returns int language sql stable as $$
    select case when bench.random(n, 5) < 0.05 then 0
                when bench.random(n, 5) < 0.06 and now() - bench.submitted_at(n) > interval '${DAYS - 10} days' then 1
                else 2 + floor(1998 * bench.random(n, 6) ^ 1.5)::int end $$`);
}

/** $1, $2: the numbers of the first and the last run. */
const NUMBERS = `generate_series($1::bigint, $2::bigint) as n`;

const RUNS = `
  insert into longhaul.runs (id, agent, queue, status, prompt, user_id, team, session_id, session_turn, metadata, priority,
    limits, requested_limits, retry_policy, attempt, max_attempts, created_by, created_at, started_at, finished_at,
    deltas_folded_at, result, error_code, is_retried, retry_of, schedule_id, fence, event_seq, cost_micros, input_tokens, output_tokens,
    turns, duration_ms)
  select bench.run_id(n), agent, 'queue-' || n % ${QUEUES}, status,
         'Sum up invoice ' || n || ' for w' || n % 997 || ' and v' || n % 1499 ||
           case when n % 100 = 37 then ' quarterly' else '' end || case when n % 5000 = 7 then ' zebra' else '' end ||
           case when n % 20 = 3 then ' monthly' else '' end,
         case when n % 10 > 0 then 'user-' || user_number end,
         case when user_number % 3 > 0 then 'team-' || user_number % 40 end,
         bench.id_of('session ' || case when n / 5 % 5 = 0 then n / 5 else n + 1000000000 end),
         case when n / 5 % 5 = 0 then n % 5 + 1 else 1 end,
         json_build_object('env', case when n % 2 = 0 then 'prod' else 'test' end, 'customer', n % 200, 'ticket', n / 10),
         0, $3::json, '{}', '{"maxAttempts":3,"delaysSeconds":[10],"deadlineSeconds":600,"isContinued":true}', 1, 3, $4::uuid,
         at, at, at + ms * interval '1 ms', at + ms * interval '1 ms',
         case status when 'succeeded' then 'The invoice is about ' || repeat('goods, services and taxes; ', 10) end,
         case status when 'cancelled' then 'cancelled'
                     when 'failed' then case when bench.random(n, 7) < 0.001 then 'run_timeout'
                       else (array['max_turns', 'max_budget', 'model_refused', 'provider_error', 'hung'])[1 + n % 5] end end,
         n > 43 and n % 3 = 2 and status = 'failed',
         case when n > 50 and n % 3 = 0 and bench.status(n - 7, bench.agent(n - 7)) = 'failed' then bench.run_id(n - 7) end,
         case when bench.random(n, 8) < 0.03 then bench.id_of('schedule ' || n % 10) end,
         1, ${EVENTS}, case when n % 20 = 0 then 0 else floor(-20000 * ln(1 - bench.random(n, 9))) end, 2000, 300, 3, ms
    from ${NUMBERS}
   cross join lateral (select bench.agent(n) as agent, bench.user_number(n) as user_number, bench.submitted_at(n) as at,
                              floor(-60000 * ln(1 - bench.random(n, 10)))::bigint as ms) as chosen
   cross join lateral (select bench.status(n, agent) as status) as ended`;

/** The runs of the numbers: their ids rise with them. */
const OF_NUMBERS = `run.id >= bench.run_id($1) and run.id <= bench.run_id($2)`;

const SESSIONS = `
  insert into longhaul.sessions (id, agent, user_id, team, created_at, updated_at, last_turn)
  select session_id, agent, user_id, team, created_at, created_at, session_turn from longhaul.runs as run where ${OF_NUMBERS}
  on conflict (id) do nothing`;

const WORDS = `
  insert into longhaul.run_search (run_id, words, labels, marks)
  select id, longhaul.words_of(prompt, result), longhaul.labels_of(metadata),
         longhaul.marks_of(id, agent, user_id, team, schedule_id, status, error_code) from longhaul.runs as run where ${OF_NUMBERS}`;

const ATTEMPTS = `
  insert into longhaul.attempts (id, run_id, agent, number, worker_id, fence, started_at, finished_at, outcome, error_code,
    peak_memory_bytes)
  select bench.id_of('attempt ' || id), id, agent, 1, bench.id_of('worker'), 1, started_at, finished_at, status, error_code, 180000000
    from longhaul.runs as run where ${OF_NUMBERS}`;

const EVENTS_OF_RUNS = `
  insert into longhaul.run_events (run_id, seq, type, attempt, at, data, user_id, team)
  select id, seq, 'agent.text', 1, created_at, json_build_object('text', repeat('A line of the answer. ', 10), 'blockId', seq),
         user_id, team
    from longhaul.runs as run, generate_series(1, ${EVENTS}) as seq where ${OF_NUMBERS} order by id, seq`;

const LEDGER = `
  insert into longhaul.ledger_entries (attempt_id, position, run_id, attempt, agent, user_id, team, model, outcome, concludes,
    input_tokens, output_tokens, cost_micros, sdk_cost_micros, own_cost_micros, duration_ms, at)
  select bench.id_of('attempt ' || id), 0, id, 1, agent, user_id, team, 'claude-sonnet-4-5', status, status, input_tokens,
         output_tokens, cost_micros, cost_micros, cost_micros, duration_ms, finished_at
    from longhaul.runs as run where ${OF_NUMBERS}`;

/** Lets the statistics begin with the first run. */
const STATISTICS = `
  update longhaul.stat_progress set minutes_until = at, quarters_until = at
    from (select date_bin('15 minutes', since, 'epoch') as at from bench.spread) as first`;
