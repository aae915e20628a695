import type { Transaction } from '../../db/database.ts';
import type { RunDeps } from '../rules.ts';
import { toRun, type Run } from '../run.ts';
import type { Accepted } from './find-earlier.ts';
import { pointIdempotencyKey, takeFreeKeys } from './idempotency-keys.ts';
import { insertRuns } from './insert-runs.ts';
import { leaveMessage } from './leave-message.ts';
import type { ReadRequest } from './run-request.ts';
import type { Submission } from './submission.ts';
import { interruptSession, refuseBusy } from './while-busy.ts';

/** A request with the ids of the runs that it is going to create, one for each submission, in rising order. */
export interface Entry {
  readonly request: ReadRequest;
  readonly ids: readonly string[];
}

/** The result of a request that was written. */
export interface Written extends Accepted {
  /** The runs of its session that it has cancelled at once. */
  readonly cancelled: readonly Run[];
}

type Deps = Pick<RunDeps, 'queue' | 'rules'>;

/**
 * Takes the idempotency keys of requests and writes their runs, with the queue messages. Must come first in `trx`, the
 * transaction of `write-together.ts`. Returns the results in order;
 * null for a request whose key an earlier one has taken: then nothing of it is written. If a request in progress has
 * the key, waits for its end. More than one request must each be a single run that depends on no other.
 * @throws {LonghaulError} `session_busy`, and the errors of `insertRuns`.
 */
export async function writeRequests(
  trx: Transaction,
  { deps, entries }: { deps: Deps; entries: readonly Entry[] },
): Promise<(Written | null)[]> {
  const fresh = await keepFresh(trx, entries);
  const [only] = entries;
  if (entries.length === 1 && fresh.has(only!)) return [await writeOne(trx, deps, only!)];
  const kept = entries.filter((entry) => fresh.has(entry));
  const ids = kept.flatMap((entry) => entry.ids);
  const submissions = kept.flatMap(({ request }) => request.submissions);
  const rows = kept.length === 0 ? [] : await insertRuns(trx, { ...deps, ids, submissions });
  const runs = new Map(rows.map((row) => [row.id, toRun(row)]));
  return entries.map((entry) => {
    if (!fresh.has(entry)) return null;
    return { runs: entry.ids.map((id) => runs.get(id)!), messageId: null, cancelled: [] };
  });
}

/** Returns the requests without a key, and those whose key was free. */
async function keepFresh(trx: Transaction, entries: readonly Entry[]): Promise<ReadonlySet<Entry>> {
  const keyed = entries.flatMap((entry) =>
    entry.request.idempotency === null ? [] : [{ ...entry.request.idempotency, runIds: entry.ids, entry }],
  );
  const taken = new Set((await takeFreeKeys(trx, keyed)).map(({ entry }) => entry));
  return new Set(entries.filter((entry) => entry.request.idempotency === null || taken.has(entry)));
}

/** Writes one request; a single run affects the unfinished runs of its session as its agent's `whileBusy` says. */
async function writeOne(trx: Transaction, deps: Deps, { request, ids }: Entry): Promise<Written> {
  const { submissions } = request;
  const following = toFollowing(request);
  const steered = following?.agent.whileBusy === 'steer' ? await steer(trx, { request, following, id: ids[0]! }) : null;
  if (steered !== null) return steered;
  const cancelled: Run[] = [];
  const interrupt = async () => {
    if (following?.agent.whileBusy !== 'interrupt') return;
    cancelled.push(...(await interruptSession(trx, { deps, submission: following, except: ids[0]! })));
  };
  await interrupt();
  const rows = await insertRuns(trx, { ...deps, ids, submissions });
  refuseBusy(rows, submissions);
  // The second of two simultaneous submissions to a session sees the first only after its own insert.
  if (rows[0]?.held_for === 'session') await interrupt();
  return { runs: rows.map(toRun), messageId: null, cancelled };
}

/** Returns the submission of a request for a single run that continues a session; else null. */
function toFollowing({ submissions, isBatch }: ReadRequest): Submission | null {
  const [only] = submissions;
  return !isBatch && only?.session?.isFork === false ? only : null;
}

/** Sends the prompt to the running run of its session. Returns null when there is none. */
async function steer(
  trx: Transaction,
  { request, following, id }: { request: ReadRequest; following: Submission; id: string },
): Promise<Written | null> {
  // A delayed submission is not sent as a message now.
  if (following.startAfter !== null) return null;
  const { idempotency } = request;
  const runId = await leaveMessage(trx, { submission: following, id, request: idempotency });
  if (runId === null) return null;
  if (idempotency !== null) await pointIdempotencyKey(trx, { ...idempotency, from: id, to: runId });
  const rows = await trx.selectFrom('longhaul.runs').selectAll().where('id', '=', runId).execute();
  return { runs: rows.map(toRun), messageId: id, cancelled: [] };
}
