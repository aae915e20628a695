import { sql, type Selectable } from 'kysely';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import { cancelWithin } from '../cancel.ts';
import type { RunDeps } from '../rules.ts';
import type { Run } from '../run.ts';
import type { Submission } from './submission.ts';

/**
 * Cancels the unfinished runs of the submission's session, except `except` itself: queued runs at once, the running one
 * by asking its worker. Text that they have written stays. Returns the runs that it has cancelled at once.
 */
export async function interruptSession(
  trx: Transaction,
  { deps, submission, except }: { deps: Pick<RunDeps, 'queue' | 'rules'>; submission: Submission; except: string },
): Promise<Run[]> {
  const sessionId = submission.session?.id;
  if (sessionId === undefined) return [];
  // The running run first: its end takes the same locks in this order.
  await sql`select from longhaul.runs where session_id = ${sessionId} and status = 'running' for update`.execute(trx);
  const { rows } = await sql<{ id: string }>`
    select id from longhaul.runs
     where session_id = ${sessionId} and finished_at is null and id <> ${except} and cancel_requested_at is null
     order by session_turn`.execute(trx);
  const actor = keyActor({ keyId: submission.createdBy });
  const cancelled: Run[] = [];
  for (const { id } of rows) {
    const run = await cancelWithin(trx, deps, { runId: id, actor });
    if (run?.status === 'cancelled') cancelled.push(run);
  }
  return cancelled;
}

/**
 * @throws {LonghaulError} `session_busy` when a run has to wait for another of its session, and its agent does not
 * allow that.
 */
export function refuseBusy(rows: readonly Selectable<RunsTable>[], submissions: readonly Submission[]): void {
  const refused = rows.flatMap(({ held_for, session_id }, index) =>
    held_for === 'session' && submissions[index]?.agent.whileBusy === 'reject' ? [{ index, session_id }] : [],
  );
  const [first] = refused;
  if (first === undefined) return;
  throw new LonghaulError('session_busy', {
    message: `Session ${first.session_id} has an unfinished run, and its agent accepts no other run meanwhile (whileBusy: "reject"). Submit the run again when that one has ended, or cancel that one.`,
    errors:
      rows.length === 1
        ? []
        : refused.map(({ index }) => ({
            path: `runs[${index}]`,
            message: 'continues a session with an unfinished run',
          })),
  });
}
