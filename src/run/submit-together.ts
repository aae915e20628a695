import { inBackground } from '../core/guard.ts';
import { createId } from '../core/ids.ts';
import { settlesWithin } from '../core/settles-within.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { takeFreeKeys } from './idempotency.ts';
import { insertRuns } from './insert-runs.ts';
import type { RunDeps } from './rules.ts';
import { toRun } from './run.ts';
import { submitRuns } from './submit.ts';

/** Accepts runs as `submitRuns` does; arguments, result and errors are described there. */
export type SubmitRuns = (batch: Batch) => ReturnType<typeof submitRuns>;

type Batch = Parameters<typeof submitRuns>[1];
type Submitted = Awaited<ReturnType<typeof submitRuns>>;

/** Transactions at once: while they are in progress, submissions gather for the next one. */
const MOST_AT_ONCE = 2;

/** Submissions in one transaction, and characters of their prompts: long prompts gain little from sharing. */
const MOST_TOGETHER = 100;
const MOST_CHARACTERS = 1_000_000;

/** Time after which a transaction that waits for another's lock no longer holds up the submissions after it. */
const TURN_MS = 100;

interface Waiting {
  readonly batch: Batch;
  readonly resolve: (submitted: Submitted | Promise<Submitted>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Submits for many callers at once. Single runs that arrive while others are being written are written together: they
 * share their statements, their commit and its write to the disk. A run that arrives alone waits for no other.
 *
 * Each run is accepted or rejected as if it had come alone: when a transaction is rolled back, each of its runs is
 * tried again alone.
 */
export function createSubmitter(deps: RunDeps): SubmitRuns {
  const waiting: Waiting[] = [];
  let underWay = 0;

  async function writeAll(): Promise<void> {
    underWay += 1;
    while (waiting.length > 0) {
      const together = waiting.splice(0, countTogether(waiting));
      await settlesWithin(together.length === 1 ? writeAlone(together[0]!) : write(together), TURN_MS);
    }
    underWay -= 1;
  }

  function writeAlone({ batch, resolve, reject }: Waiting): Promise<void> {
    return submitRuns(deps, batch).then(resolve, reject);
  }

  async function write(together: readonly Waiting[]): Promise<void> {
    const entries = together.map((one) => ({ ...one, id: createId(), submission: one.batch.submissions[0]! }));
    let isDone = false;
    const made = await retryDeadlock(() =>
      deps.database.sql.transaction().execute(async (trx) => {
        isDone = false;
        const requests = entries.flatMap(({ id, batch }) =>
          batch.request ? [{ ...batch.request, runIds: [id] }] : [],
        );
        const taken = new Set((await takeFreeKeys(trx, requests)).flatMap(({ runIds }) => runIds));
        const kept = entries.filter(({ id, batch }) => batch.request === null || taken.has(id));
        const [ids, submissions] = [kept.map(({ id }) => id), kept.map(({ submission }) => submission)];
        const rows = kept.length === 0 ? [] : await insertRuns(trx, { ...deps, ids, submissions });
        const runs = rows.map(toRun);
        isDone = true;
        return runs;
      }),
    ).catch((error: unknown) => {
      if (!isDone) return [];
      // When a commit fails, its outcome is unknown.
      for (const { reject } of entries) reject(error);
      return null;
    });
    if (made === null) return;
    const runs = new Map(made.map((run) => [run.id, run]));
    const rest = entries.filter(({ id, resolve }) => {
      const run = runs.get(id);
      if (run !== undefined) resolve({ runs: [run], messageId: null, isRepeat: false });
      return run === undefined;
    });
    await Promise.all(rest.map(writeAlone));
  }

  return (batch) => {
    if (!mayBeTogether(batch)) return submitRuns(deps, batch);
    return new Promise((resolve, reject) => {
      waiting.push({ batch, resolve, reject });
      if (underWay < MOST_AT_ONCE) inBackground(writeAll);
    });
  };
}

/** Counts the submissions, from the first on, that go into one transaction: at least one. */
function countTogether(waiting: readonly Waiting[]): number {
  let characters = 0;
  const end = waiting.findIndex(({ batch }, index) => {
    characters += batch.submissions[0]?.prompt.length ?? 0;
    return index > 0 && (index === MOST_TOGETHER || characters > MOST_CHARACTERS);
  });
  return end === -1 ? waiting.length : end;
}

/** Returns whether a batch is a single run that depends on no other: no session, and no retry. */
function mayBeTogether({ submissions }: Batch): boolean {
  const [one] = submissions;
  return submissions.length === 1 && (one?.session ?? null) === null && one?.retryOf === null;
}
