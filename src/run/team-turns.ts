import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import { IS_NEXT_OF_TEAM } from './place-in-line.ts';

interface Turn {
  readonly id: string;
  readonly team: string;
  readonly priority: number;
  readonly team_rank: number;
}

/** How many more are looked at than there are turns to give: some may be for later, though they are in line. */
const MOST_PASSED_OVER = 10;

/**
 * Gives the turns that a team has got to the runs whose turn it is within the team, and returns the runs to begin in place
 * of those that the messages named: as many, in the same order. A run that gives up its turn stands from then on where the
 * other stood, so that the team has neither more turns nor fewer.
 *
 * One whose message is for later, or is being taken by somebody else at this moment, is passed over.
 */
export async function giveTeamTurns(
  trx: Transaction,
  { queue, name, taken }: { queue: Queue; name: string; taken: readonly string[] },
): Promise<string[]> {
  const turns = await findTurns(trx, taken);
  const begun = new Map(taken.map((id) => [id, id]));
  for (const ofTeam of Map.groupBy(turns, ({ team, priority }) => JSON.stringify([team, priority])).values()) {
    const have = new Set(ofTeam.map(({ id }) => id));
    const next = await findNext(trx, { name, of: ofTeam[0]!, count: ofTeam.length + MOST_PASSED_OVER });
    const waiting = next.filter(({ id }) => !have.has(id));
    // Whoever would come last gives up its turn first.
    for (const turn of ofTeam.toSorted(byRank).reverse()) {
      for (let other = waiting[0]; other !== undefined && byRank(other, turn) < 0; other = waiting[0]) {
        waiting.shift();
        if (!(await queue.exchange(trx, { queue: name, taken: turn.id, waiting: other.id }))) continue;
        await exchangeRanks(trx, [turn.id, other.id]);
        begun.set(turn.id, other.id);
        break;
      }
    }
  }
  return taken.map((id) => begun.get(id)!);
}

function byRank(a: Turn, b: Turn): number {
  return a.team_rank - b.team_rank || (a.id < b.id ? -1 : 1);
}

/** Those of the runs whose turn may be another's of their team. */
async function findTurns(trx: Transaction, taken: readonly string[]): Promise<Turn[]> {
  if (taken.length === 0) return [];
  const { rows } = await sql<Turn>`
    select id, team, priority, team_rank from longhaul.runs
     where id = any(${sql.val([...taken])}::uuid[]) and ${IS_NEXT_OF_TEAM}`.execute(trx);
  return rows;
}

/** The first of a team, among those of one priority. */
async function findNext(
  trx: Transaction,
  { name, of, count }: { name: string; of: Turn; count: number },
): Promise<Turn[]> {
  const { rows } = await sql<Turn>`
    select id, team, priority, team_rank from longhaul.runs
     where ${IS_NEXT_OF_TEAM} and queue = ${name} and team = ${of.team} and priority = ${of.priority}
     order by queue, team, priority, team_rank, id limit ${count}`.execute(trx);
  return rows;
}

async function exchangeRanks(trx: Transaction, [a, b]: readonly [string, string]): Promise<void> {
  await sql`
    update longhaul.runs as run set fair_rank = other.fair_rank
      from longhaul.runs as other
     where (run.id, other.id) in ((${a}::uuid, ${b}::uuid), (${b}::uuid, ${a}::uuid))`.execute(trx);
}
