import { sql, type Selectable } from 'kysely';
import type { Database, Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import type { RunsTable } from '../../db/tables.ts';
import type { Queue } from '../../queue/queue.ts';
import { toQueueMessage } from './place-in-line.ts';
import type { RunDeps, RunRules } from '../rules.ts';
import { USER_KEY, userKeyOf } from '../user-key.ts';

/**
 * The concurrency limits that a run can be held for: of its user, of its agent, or global. For its session see
 * `session-gate.ts`.
 */
export type Gate = 'user' | 'agent' | 'all';

/** The lock of all gates: "lhgt" as a number. */
const ADVISORY_LOCK = 0x6c686774;

/**
 * Admits one claim at a time where a concurrency limit exists: otherwise two claims would each not see that the other's
 * runs are running. Must come before any other lock in `trx`, so that no two claims wait for each other.
 */
export async function lockGates(trx: Transaction, { limits, agents }: RunRules): Promise<void> {
  const isAnySet =
    limits.perUser.concurrent !== null ||
    limits.global.concurrent !== null ||
    [...agents.values()].some(({ concurrent }) => concurrent !== null);
  if (isAnySet) await sql`select pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCK)})`.execute(trx);
}

/**
 * Returns the first gate whose limit is exceeded by a run that `trx` has just set to running; null when there is none.
 * Exact over all workers when `trx` began with `lockGates`.
 */
export async function findFullGate(
  trx: Transaction,
  { row, rules }: { row: Selectable<RunsTable>; rules: RunRules },
): Promise<Gate | null> {
  const limits = {
    user: row.user_id === null ? null : rules.limits.perUser.concurrent,
    agent: rules.agents.get(row.agent)?.concurrent ?? null,
    all: rules.limits.global.concurrent,
  };
  const gates = (['user', 'agent', 'all'] as const).filter((gate) => limits[gate] !== null);
  if (gates.length === 0) return null;
  const running = await trx
    .selectFrom('longhaul.runs')
    .select((run) => [
      run.fn.countAll<number>().filterWhere(USER_KEY, '=', userKeyOf(row)).as('user'),
      run.fn.countAll<number>().filterWhere('agent', '=', row.agent).as('agent'),
      run.fn.countAll<number>().as('all'),
    ])
    // Not a parameter: a prepared statement could not use the index of running runs.
    .where('status', '=', sql.lit('running'))
    .executeTakeFirstOrThrow();
  return gates.find((gate) => running[gate] > limits[gate]!) ?? null;
}

/**
 * Queues the next held runs when a run stops running: at most one run each that is held for the same user, for the same
 * agent, and for the global limit. If a limit is reached after all, the claim holds the run again.
 */
export async function releaseHeld(
  trx: Transaction,
  { queue, row }: { queue: Queue; row: Selectable<RunsTable> },
): Promise<void> {
  const { rows } = await sql<Place>`
    with of_user as (
      select id from longhaul.runs where held_for = 'user' and ${USER_KEY} = ${userKeyOf(row)}
       order by priority desc, fair_rank, id limit 1 for update skip locked),
    of_agent as (
      select id from longhaul.runs where held_for = 'agent' and agent = ${row.agent}
       order by priority desc, fair_rank, id limit 1 for update skip locked),
    of_all as (
      select id from longhaul.runs where held_for = 'all'
       order by priority desc, fair_rank, id limit 1 for update skip locked)
    update longhaul.runs set held_for = null
     where id in (select id from of_user union all select id from of_agent union all select id from of_all)
    returning id, queue, priority, fair_rank`.execute(trx);
  for (const place of rows) await queue.enqueue(trx, toQueueMessage(place));
}

type Place = Parameters<typeof toQueueMessage>[0];

/** Held runs queued in one sweep. */
const BATCH_SIZE = 500;

/**
 * Queues held runs for which there is room: after a limit was raised or removed, or when a run ended without its
 * settlement. Any number of workers may do it at once. Returns their number.
 */
export async function sweepHeld({ database, queue, rules }: RunDeps): Promise<number> {
  const { rows } = await sql<{ gate: Gate; key: string }>`
    select distinct held_for as gate, case held_for when 'user' then ${USER_KEY} when 'agent' then agent else '' end as key
      from longhaul.runs where held_for in ('user', 'agent', 'all') and status = 'queued' limit ${sql.lit(BATCH_SIZE)}`.execute(
    database.sql,
  );
  let released = 0;
  for (const held of rows) released += await sweepGate({ database, queue, rules }, held);
  return released;
}

async function sweepGate({ database, queue, rules }: RunDeps, { gate, key }: { gate: Gate; key: string }) {
  const limit = {
    user: rules.limits.perUser.concurrent,
    agent: rules.agents.get(key)?.concurrent ?? null,
    all: rules.limits.global.concurrent,
  }[gate];
  const room = limit === null ? BATCH_SIZE : limit - (await countRunning(database, { gate, key }));
  if (room <= 0) return 0;
  const release = async (trx: Transaction) => {
    const places = await trx
      .updateTable('longhaul.runs')
      .set({ held_for: null })
      .where('id', 'in', (run) =>
        run
          .selectFrom('longhaul.runs')
          .select('id')
          .where('held_for', '=', gate)
          .$if(gate === 'user', (runs) => runs.where(USER_KEY, '=', key))
          .$if(gate === 'agent', (runs) => runs.where('agent', '=', key))
          .orderBy('priority', 'desc')
          .orderBy('fair_rank')
          .orderBy('id')
          .limit(Math.min(room, BATCH_SIZE))
          .forUpdate()
          .skipLocked(),
      )
      .returning(['id', 'queue', 'priority', 'fair_rank'])
      .execute();
    for (const place of places) await queue.enqueue(trx, toQueueMessage(place));
    return places.length;
  };
  return retryDeadlock(() => database.sql.transaction().execute(release));
}

async function countRunning(database: Database, { gate, key }: { gate: Gate; key: string }): Promise<number> {
  const { count } = await database.sql
    .selectFrom('longhaul.runs')
    .select((run) => run.fn.countAll<number>().as('count'))
    .where('status', '=', 'running')
    .$if(gate === 'user', (runs) => runs.where(USER_KEY, '=', key))
    .$if(gate === 'agent', (runs) => runs.where('agent', '=', key))
    .executeTakeFirstOrThrow();
  return count;
}

/** Counts the held runs of each queue. */
export async function countHeld(database: Database): Promise<Map<string, number>> {
  const { rows } = await sql<{ queue: string; count: number }>`
    select queue, count(*)::int as count from longhaul.runs where held_for is not null group by queue`.execute(
    database.sql,
  );
  return new Map(rows.map(({ queue, count }) => [queue, count]));
}
