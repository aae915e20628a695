import { inBackground } from '../../core/guard.ts';
import { createId } from '../../core/ids.ts';
import { settlesWithin } from '../../core/settles-within.ts';
import type { Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import type { EndDeps } from '../rules.ts';
import { wakeAfterEnd } from '../waiting/wake-after-end.ts';
import type { Accepted } from './find-earlier.ts';
import type { ReadRequest } from './run-request.ts';
import { writeRequests, type Entry } from './write-requests.ts';

/**
 * Writes the runs of a request in one transaction. Returns null, and writes nothing, when an earlier request has taken
 * its idempotency key.
 */
type Write = (request: ReadRequest) => Promise<Accepted | null>;

/** Transactions at once: while they are in progress, requests gather for the next one. */
const MOST_AT_ONCE = 2;

/** Requests in one transaction, and characters of their prompts: long prompts gain little from sharing. */
const MOST_TOGETHER = 100;
const MOST_CHARACTERS = 1_000_000;

/** Time after which a transaction that waits for another's lock no longer delays the requests after it. */
const TURN_MS = 100;

interface Waiting {
  readonly request: ReadRequest;
  readonly resolve: (accepted: Accepted | null | Promise<Accepted | null>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes for many callers at once. Single runs that arrive while others are being written are written together: they
 * share their statements, their commit and its write to the disk. A run that arrives alone waits for no other.
 *
 * Each run is accepted or rejected as if it had come alone: when a transaction is rolled back, each of its runs is
 * tried again alone.
 */
export function createWriter(deps: EndDeps): Write {
  const waiting: Waiting[] = [];
  let underWay = 0;

  async function writeAll(): Promise<void> {
    underWay += 1;
    while (waiting.length > 0) {
      const together = waiting.splice(0, countTogether(waiting));
      await settlesWithin(together.length === 1 ? settleAlone(together[0]!) : settle(together), TURN_MS);
    }
    underWay -= 1;
  }

  function settleAlone({ request, resolve, reject }: Waiting): Promise<void> {
    return writeAlone(request).then(resolve, reject);
  }

  async function writeAlone(request: ReadRequest): Promise<Accepted | null> {
    const entries = [toEntry(request)];
    const [written = null] = await retryDeadlock(() => transact((trx) => writeRequests(trx, { deps, entries })));
    if (written === null) return null;
    const { cancelled, ...accepted } = written;
    for (const run of cancelled) await wakeAfterEnd(deps, run);
    return accepted;
  }

  async function settle(together: readonly Waiting[]): Promise<void> {
    const entries = together.map(({ request }) => toEntry(request));
    let isDone = false;
    const write = async (trx: Transaction) => {
      isDone = false;
      const written = await writeRequests(trx, { deps, entries });
      isDone = true;
      return written;
    };
    try {
      const written = await retryDeadlock(() => transact(write));
      for (const [index, { resolve }] of together.entries()) resolve(written[index] ?? null);
    } catch (error) {
      // When a commit fails, its outcome is unknown.
      if (isDone) for (const { reject } of together) reject(error);
      else await Promise.all(together.map(settleAlone));
    }
  }

  function transact<T>(work: (trx: Transaction) => Promise<T>): Promise<T> {
    return deps.database.preparedSql.transaction().execute(work);
  }

  return (request) => {
    if (!mayShare(request)) return writeAlone(request);
    return new Promise((resolve, reject) => {
      waiting.push({ request, resolve, reject });
      if (underWay < MOST_AT_ONCE) inBackground(writeAll);
    });
  };
}

function toEntry(request: ReadRequest): Entry {
  return { request, ids: request.submissions.map(() => createId()) };
}

/** Counts the requests, from the first on, that go into one transaction: at least one. */
function countTogether(waiting: readonly Waiting[]): number {
  let characters = 0;
  const end = waiting.findIndex(({ request }, index) => {
    characters += request.submissions[0]?.prompt.length ?? 0;
    return index > 0 && (index === MOST_TOGETHER || characters > MOST_CHARACTERS);
  });
  return end === -1 ? waiting.length : end;
}

/** Returns whether a request is for a single run that depends on no other: no session, and no retry. */
function mayShare({ submissions }: ReadRequest): boolean {
  const [only] = submissions;
  return submissions.length === 1 && (only?.session ?? null) === null && only?.retryOf === null;
}
