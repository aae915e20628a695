import { sql, type RawBuilder } from 'kysely';
import type { Transaction } from '../db/database.ts';
import type { QueueMessage } from '../queue/queue.ts';

/**
 * Where a run stands that is submitted now: one behind the last of its own, and never before the first of all. So those
 * that share a line are taken in turn, each one's own in their order, and one who comes new stands beside the first of the
 * others, however many those have waiting (start-time fair queueing; Goyal, Vin and Cheng, SIGCOMM 1996). Two that are
 * submitted at once may get one rank, which does no harm.
 *
 * It is done twice. In a queue teams are taken in turn, with each user who is of none: `fair`. Within a team its users
 * are: `team`. A message brings the turn of a team, and the claim gives it to the run whose turn it is there (see
 * `team-turns.ts`).
 */
export interface Ranks {
  readonly fair: Rank;
  /** Within the team; 0 for a run of none. */
  readonly team: Rank;
}

/** A number, or SQL for one. */
type Rank = number | RawBuilder<number>;

/** What decides where a run stands. */
export interface Standing {
  readonly queue: string;
  readonly user: string | null;
  readonly team: string | null;
  readonly priority: number;
}

/** A line, as SQL names it in one statement or another. */
type Line = Readonly<Record<'queue' | 'user' | 'team' | 'priority', RawBuilder<unknown>>>;

const FIRST_AND_LAST = {
  fair: { first: firstInQueue, last: lastOfOwner },
  team: { first: firstInTeam, last: lastOfMember },
};

const KINDS = ['fair', 'team'] as const;

/**
 * The ranks of runs that are submitted now, one after the other; one with a time to wait for holds up none after it. In
 * one statement: as many subqueries as runs would take seconds to plan.
 */
export async function nextRanks(
  trx: Transaction,
  runs: readonly (Standing & { readonly isDelayed: boolean })[],
): Promise<Ranks[]> {
  if (runs.length === 1) return runs.map(toSql);
  const lines = new Map(runs.map((run) => [toKey(run), run]));
  const entries = JSON.stringify(
    [...lines].map(([key, { queue, user, team, priority }]) => ({ key, queue, user, team, priority })),
  );
  const line = { queue: sql`line.queue`, user: sql`line.user_id`, team: sql`line.team`, priority: sql`line.priority` };
  const { rows } = await sql<{ key: string; fair: number; team: number }>`
    with line as (
      select entry ->> 'key' as key, entry ->> 'queue' as queue, entry ->> 'user' as user_id, entry ->> 'team' as team,
             (entry ->> 'priority')::int as priority
        from json_array_elements(${entries}::json) as entry)
    select key, ${next('fair', line)}::int as fair, case when team is null then 0 else ${next('team', line)}::int end as team
      from line`.execute(trx);
  const found = new Map(rows.map((row) => [row.key, row]));
  const given = { fair: new Map<string, number>(), team: new Map<string, number>() };
  return runs.map((run) => {
    const { isDelayed } = run;
    const give = (kind: (typeof KINDS)[number], key: string) => {
      const rank = given[kind].get(key) ?? found.get(toKey(run))?.[kind] ?? 0;
      given[kind].set(key, isDelayed ? rank : rank + 1);
      return rank;
    };
    return { fair: give('fair', toOwnerKey(run)), team: run.team === null ? 0 : give('team', toKey(run)) };
  });
}

function toSql({ queue, user, team, priority }: Standing): Ranks {
  const line = {
    queue: sql`${queue}::text`,
    user: sql`${user}::text`,
    team: sql`${team}::text`,
    priority: sql`${priority}::int`,
  };
  return { fair: next('fair', line), team: team === null ? 0 : next('team', line) };
}

function next(kind: (typeof KINDS)[number], line: Line): RawBuilder<number> {
  const { first, last } = FIRST_AND_LAST[kind];
  return sql<number>`greatest(${first(line)}, ${last(line)} + 1, 0)`;
}

/** Whose turns of the queue it takes. */
function toOwnerKey({ queue, user, team }: Standing): string {
  return JSON.stringify(team === null ? [queue, null, user] : [queue, team]);
}

function toKey({ queue, user, team, priority }: Standing): string {
  return JSON.stringify([queue, team, user, team === null ? null : priority]);
}

function firstInQueue({ queue }: Line) {
  return sql`(select min(fair_rank) from longhaul.runs
    where queue = ${queue} and status = 'queued' and start_after is null)`;
}

/**
 * The last row of an index up to where the owner's last would be, when it is the owner's. No other index can answer that:
 * for the greatest of the owner's own, PostgreSQL without statistics takes one that reads the whole line of one who has
 * none in it.
 */
function lastOfOwner({ queue, user, team }: Line) {
  const owner = sql`longhaul.line_of(${team}, ${user})`;
  return sql`(select rank from (
    select queue, longhaul.line_of(team, user_id) as owner, fair_rank as rank from longhaul.runs
     where status = 'queued' and start_after is null
       and (queue, longhaul.line_of(team, user_id), fair_rank) <= (${queue}, ${owner}, 9223372036854775807)
     order by queue desc, longhaul.line_of(team, user_id) desc, fair_rank desc limit 1) as last
    where queue = ${queue} and owner = ${owner})`;
}

function firstInTeam({ queue, team, priority }: Line) {
  return sql`(select team_rank from longhaul.runs
    where ${IS_NEXT_OF_TEAM} and queue = ${queue} and team = ${team} and priority = ${priority}
    order by queue, team, priority, team_rank, id limit 1)`;
}

/** As `lastOfOwner`. */
function lastOfMember({ queue, user, team, priority }: Line) {
  const member = sql`coalesce(${user}, '')`;
  return sql`(select rank from (
    select queue, team, priority, coalesce(user_id, '') as member, team_rank as rank from longhaul.runs
     where status = 'queued' and start_after is null and team is not null
       and (queue, team, priority, coalesce(user_id, ''), team_rank)
           <= (${queue}, ${team}, ${priority}, ${member}, 9223372036854775807)
     order by queue desc, team desc, priority desc, coalesce(user_id, '') desc, team_rank desc limit 1) as last
    where queue = ${queue} and team = ${team} and priority = ${priority} and member = ${member})`;
}

/** SQL: a run that may have the next turn of its team. One that was at work before comes by its own message. */
export const IS_NEXT_OF_TEAM = sql`status = 'queued' and start_after is null and team is not null and held_for is null
  and attempt = 0`;

/** Ranks that fit between two priorities: -100 to 100 of them in the 32 bits of a queue's own priority. */
const RANKS = 10_000_000;

interface Place {
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  readonly fair_rank: number;
}

/** The message that brings a run out of line: by its priority, and among equals by its rank. */
export function toMessage({ id, queue, priority, fair_rank }: Place, startAfter: Date | null = null): QueueMessage {
  return { runId: id, queue, priority: priority * RANKS - Math.min(fair_rank, RANKS - 1), startAfter };
}
