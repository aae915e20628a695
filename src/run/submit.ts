import { createId } from '../core/ids.ts';
import type { Transaction } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { readRepeated, toIdempotentRequest, type Accepted } from './find-repeated.ts';
import { pointIdempotencyKey, takeIdempotencyKey, type IdempotentRequest } from './idempotency.ts';
import { insertRuns } from './insert-runs.ts';
import { leaveMessage } from './messages.ts';
import { interruptSession, refuseBusy } from './while-busy.ts';
import type { RunDeps } from './rules.ts';
import { toRun, type Run } from './run.ts';
import type { Submission } from './submission.ts';

interface Submitted {
  readonly run: Run;
  /** True when the run was created by an earlier submission with the same idempotency key. */
  readonly isRepeat: boolean;
}

interface Batch {
  readonly submissions: readonly Submission[];
  /** The whole batch as an idempotent request; null: it has no key. */
  readonly request: IdempotentRequest | null;
}

/**
 * Accepts runs, all or none: their rows, first events, reservations and queue messages in one transaction, so that
 * accepted runs survive any crash and rejected ones leave no trace. The same idempotency key of the same caller
 * returns, for a day, the runs it created the first time.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request, `session_busy` if the agent is
 * configured so, and the errors of `insertRuns`.
 */
export async function submitRuns(
  { database, queue, rules }: RunDeps,
  { submissions, request }: Batch,
): Promise<Accepted & { isRepeat: boolean }> {
  const ids = submissions.map(() => createId());
  let repeated: readonly string[] | null = null;
  let messageId: string | null = null;
  /**
   * A single submission affects the running run of its session as its agent's `whileBusy` says; in a batch each waits
   * its turn.
   */
  const [alone] = submissions.length === 1 && submissions[0]?.session?.isFork === false ? submissions : [];
  const steer = async (trx: Transaction) => {
    // A delayed submission is not sent as a message now.
    if (alone?.agent.whileBusy !== 'steer' || alone.startAfter !== null) return null;
    const runId = await leaveMessage(trx, { submission: alone, id: ids[0]!, request });
    messageId = runId === null ? null : ids[0]!;
    if (runId === null) return null;
    if (request !== null) await pointIdempotencyKey(trx, { ...request, from: ids[0]!, to: runId });
    return trx.selectFrom('longhaul.runs').selectAll().where('id', '=', runId).execute();
  };
  const begin = async (trx: Transaction) => {
    const interrupts = alone?.agent.whileBusy === 'interrupt';
    const interrupt = async () =>
      interruptSession(trx, { deps: { queue, rules }, submission: alone!, except: ids[0]! });
    if (interrupts) await interrupt();
    const rows = await insertRuns(trx, { queue, rules, ids, submissions });
    refuseBusy(rows, submissions);
    // Of two at once the second finds the first only now.
    if (interrupts && rows[0]?.held_for === 'session') await interrupt();
    return rows;
  };
  const insert = async (trx: Transaction) => {
    repeated = request && (await takeIdempotencyKey(trx, { ...request, runIds: ids }));
    if (repeated !== null) return [];
    return (await steer(trx)) ?? (await begin(trx));
  };
  const rows = await retryDeadlock(() => database.sql.transaction().execute(insert));
  if (repeated === null || request === null) return { runs: rows.map(toRun), messageId, isRepeat: false };
  return { ...(await readRepeated(database, repeated, request)), isRepeat: true };
}

/**
 * Accepts one run: a batch of one.
 * @throws {LonghaulError} the errors of `submitRuns`.
 */
export async function submitRun(deps: RunDeps, submission: Submission): Promise<Submitted> {
  const request = toIdempotentRequest(submission);
  const { runs, isRepeat } = await submitRuns(deps, { submissions: [submission], request });
  return { run: runs[0]!, isRepeat };
}
