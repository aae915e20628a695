import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { LonghaulError } from '../core/errors.ts';
import type { Database, Transaction } from '../db/database.ts';

/** How long a key answers what it has made. */
const LASTS_HOURS = 24;

/** A request that may come more than once, and is to be done once. */
export interface IdempotentRequest {
  /** Whose key it is: others may choose the same. */
  readonly owner: string;
  readonly key: string;
  /** Of all that makes it this request: see `hashRequest`. */
  readonly hash: string;
}

/** With the runs that are to be made for it. */
interface RequestWithRuns extends IdempotentRequest {
  readonly runIds: readonly string[];
}

/** What makes two requests the same, in a form that keeps no prompt a second time. */
export function hashRequest(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/**
 * Takes a key for the runs that this transaction is about to make: null, or the ids of those that an earlier request with
 * it has made. To be done first in the transaction.
 *
 * Of two at once the second waits here until the first has committed, and then finds its runs; should that be rolled back,
 * the second makes its own. A key that has run out is taken anew.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request.
 */
export async function takeIdempotencyKey(
  trx: Transaction,
  request: RequestWithRuns,
): Promise<readonly string[] | null> {
  const taken = await takeFreeKeys(trx, [request]);
  if (taken.length > 0) return null;
  const earlier = await findKey(trx, request);
  // Only what was locked by this statement stood against it.
  return earlier ?? takeIdempotencyKey(trx, request);
}

/**
 * Takes the keys that nobody has, or that have run out; returns the requests they are of. What `takeIdempotencyKey` says
 * of one holds for each: what is not returned is for that to answer. No key may be in it twice.
 */
export async function takeFreeKeys<T extends RequestWithRuns>(trx: Transaction, requests: readonly T[]): Promise<T[]> {
  if (requests.length === 0) return [];
  const entries = requests.map(({ owner, key, hash, runIds }) => ({ owner, key, hash, runIds }));
  // In one order, whoever else takes some of them: of two, neither waits for the other.
  const { rows } = await sql<Pick<RequestWithRuns, 'owner' | 'key'>>`
    insert into longhaul.idempotency_keys as held (owner, key, request_hash, run_ids)
    select owner, key, hash, "runIds"
      from json_to_recordset(${JSON.stringify(entries)}::json) as request (owner text, key text, hash text, "runIds" uuid[])
     order by owner, key
    on conflict (owner, key) do update
       set request_hash = excluded.request_hash, run_ids = excluded.run_ids, created_at = excluded.created_at
     where held.created_at < now() - ${LASTS_HOURS} * interval '1 hour'
    returning owner, key`.execute(trx);
  const toName = ({ owner, key }: Pick<RequestWithRuns, 'owner' | 'key'>) => JSON.stringify([owner, key]);
  const taken = new Set(rows.map(toName));
  return requests.filter((request) => taken.has(toName(request)));
}

/**
 * The ids of the runs that an earlier request with this key has made; null: there was none.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request.
 */
export function findIdempotentRuns(database: Database, request: IdempotentRequest): Promise<readonly string[] | null> {
  return findKey(database.sql, request);
}

/** The same, and when the earlier request is still under way, once it is done. */
export async function awaitIdempotentRuns(
  database: Database,
  request: IdempotentRequest,
): Promise<readonly string[] | null> {
  const trx = await database.sql.startTransaction().execute();
  try {
    return await takeIdempotencyKey(trx, { ...request, runIds: [] });
  } finally {
    await trx.rollback().execute();
  }
}

interface Pointing extends Pick<IdempotentRequest, 'owner' | 'key'> {
  /** The run that it answers now. */
  readonly from: string;
  readonly to: string;
}

/** Lets a key answer another run than it does; one that has run out and was taken anew since is left as it is. */
export async function pointIdempotencyKey(trx: Transaction, { owner, key, from, to }: Pointing): Promise<void> {
  await sql`
    update longhaul.idempotency_keys set run_ids = array[${to}::uuid]
     where owner = ${owner} and key = ${key} and run_ids = array[${from}::uuid]`.execute(trx);
}

/** Removes the keys that have run out. */
export async function removeOldIdempotencyKeys(database: Database): Promise<void> {
  await sql`delete from longhaul.idempotency_keys
    where created_at < now() - ${LASTS_HOURS} * interval '1 hour'`.execute(database.sql);
}

async function findKey(
  connection: Database['sql'],
  { owner, key, hash }: IdempotentRequest,
): Promise<readonly string[] | null> {
  const { rows } = await sql<{ request_hash: string; run_ids: string[] }>`
    select request_hash, run_ids::text[] as run_ids from longhaul.idempotency_keys
     where owner = ${owner} and key = ${key} and created_at >= now() - ${LASTS_HOURS} * interval '1 hour'`.execute(
    connection,
  );
  const [earlier] = rows;
  if (earlier === undefined) return null;
  if (earlier.request_hash === hash) return earlier.run_ids;
  throw new LonghaulError('idempotency_mismatch', {
    message: `Idempotency-Key was used before, for run ${earlier.run_ids[0]}, with another request. Use a new key for a new request.`,
  });
}
