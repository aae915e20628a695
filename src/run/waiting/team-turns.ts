import { sql } from 'kysely';
import type { Transaction } from '../../db/database.ts';
import type { Queue } from '../../queue/queue.ts';
import { IS_NEXT_OF_TEAM } from './place-in-line.ts';

interface Turn {
  readonly id: string;
  readonly team: string;
  readonly priority: number;
  readonly team_rank: number;
}

/** Runs examined beyond the number of turns to give: some may be delayed although they are queued. */
const MOST_PASSED_OVER = 10;

/**
 * Gives a team's turns to the runs that are next within the team. Returns the runs to begin in place of the runs that
 * the messages named: as many, in the same order. A run that gives up its turn takes the other run's place in the
 * queue, so that the team has neither more turns nor fewer.
 *
 * Skips a run whose message is delayed, or that another worker is claiming at this moment.
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
    // The run with the last rank gives up its turn first.
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

/** Reads the runs whose turn may go to another run of their team. */
async function findTurns(trx: Transaction, taken: readonly string[]): Promise<Turn[]> {
  if (taken.length === 0) return [];
  const { rows } = await sql<Turn>`
    select id, team, priority, team_rank from longhaul.runs
     where id = any(${sql.val([...taken])}::uuid[]) and ${IS_NEXT_OF_TEAM}`.execute(trx);
  return rows;
}

/** Finds the first runs of a team, within one priority. */
async function findNext(
  trx: Transaction,
  { name, of, count }: { name: string; of: Turn; count: number },
): Promise<Turn[]> {
  const { rows } = await sql<Turn>`
    select * from longhaul.next_of_team(${name}, ${of.team}, ${of.priority}, ${count})`.execute(trx);
  return rows;
}

async function exchangeRanks(trx: Transaction, [a, b]: readonly [string, string]): Promise<void> {
  await sql`
    update longhaul.runs as run set fair_rank = other.fair_rank
      from longhaul.runs as other
     where (run.id, other.id) in ((${a}::uuid, ${b}::uuid), (${b}::uuid, ${a}::uuid))`.execute(trx);
}
