import { sql, type RawBuilder } from 'kysely';
import type { Transaction } from '../../db/database.ts';
import type { QueueMessage } from '../../queue/queue.ts';

/**
 * The ranks of a new run: one more than its owner's highest waiting rank, but no less than the lowest waiting rank of the
 * queue. Lower ranks go first. So owners that share a queue take turns, each one's runs stay in order, and a new owner
 * stands beside the first runs of the others, however many runs those have waiting (start-time fair queueing; Goyal, Vin
 * and Cheng, SIGCOMM 1996). Two runs submitted at once may get the same rank, which does no harm.
 *
 * There are two levels. In a queue, teams take turns with the users who have no team: `fair`. Within a team, its users
 * take turns: `team`. A message gives a turn to a team, and the claim gives it to the run that is next within the team
 * (see `team-turns.ts`).
 */
export interface Ranks {
  readonly fair: Rank;
  /** Rank within the team; 0 for a run without a team. */
  readonly team: Rank;
}

/** A number, or SQL for one. */
type Rank = number | RawBuilder<number>;

/** The properties that decide a run's rank. */
export interface Standing {
  readonly queue: string;
  readonly user: string | null;
  readonly team: string | null;
  readonly priority: number;
}

/** A queue and owner, as SQL names them in different statements. */
type Line = Readonly<Record<'queue' | 'user' | 'team' | 'priority', RawBuilder<unknown>>>;

const FIRST_AND_LAST = {
  fair: { first: firstInQueue, last: lastOfOwner },
  team: { first: firstInTeam, last: lastOfMember },
};

const KINDS = ['fair', 'team'] as const;

/**
 * Computes the ranks of runs that are submitted now, in order. A delayed run holds up none after it. Uses one statement
 * for any number of lines: as many subqueries as runs would take seconds to plan.
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

/** The owner whose turns in the queue the run takes. */
function toOwnerKey({ queue, user, team }: Standing): string {
  return JSON.stringify(team === null ? [queue, null, user] : [queue, team]);
}

function toKey({ queue, user, team, priority }: Standing): string {
  return JSON.stringify([queue, team, user, team === null ? null : priority]);
}

// These functions of the database (`db/README.md` names their migration) read one entry of an index each, whatever its statistics promise.

function firstInQueue({ queue }: Line) {
  return sql`longhaul.first_rank(${queue})`;
}

function lastOfOwner({ queue, user, team }: Line) {
  return sql`longhaul.last_rank(${queue}, longhaul.line_of(${team}, ${user}))`;
}

function firstInTeam({ queue, team, priority }: Line) {
  return sql`(select team_rank from longhaul.next_of_team(${queue}, ${team}, ${priority}, 1))`;
}

function lastOfMember({ queue, user, team, priority }: Line) {
  return sql`longhaul.last_team_rank(${queue}, ${team}, ${priority}, coalesce(${user}, ''))`;
}

/** SQL: a run that may get the next turn of its team. A run that has had an attempt comes with its own message. */
export const IS_NEXT_OF_TEAM = sql`status = 'queued' and start_after is null and team is not null and held_for is null
  and attempt = 0`;

/** Ranks between two priorities: priorities from -100 to 100 fit into the 32 bits of a queue's own priority. */
const RANKS = 10_000_000;

interface Place {
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  readonly fair_rank: number;
}

/** Makes the message that a worker claims a run with: ordered by priority, then by rank. */
export function toQueueMessage(
  { id, queue, priority, fair_rank }: Place,
  startAfter: Date | null = null,
): QueueMessage {
  return { runId: id, queue, priority: priority * RANKS - Math.min(fair_rank, RANKS - 1), startAfter };
}
