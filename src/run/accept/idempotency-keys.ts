import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { LonghaulError } from '../../core/errors.ts';
import type { Database, Transaction } from '../../db/database.ts';

/** Hours for which a key returns the runs it has created. */
const LASTS_HOURS = 24;

/** A key that the client chose for a request, so that it can send the request again. */
export interface IdempotencyKey {
  /** The owner of the key: other owners may choose the same key. */
  readonly owner: string;
  readonly key: string;
}

/** A request that may arrive more than once but is executed once. */
export interface IdempotentRequest extends IdempotencyKey {
  /** Hash of everything that identifies the request: see `hashRequest`. */
  readonly hash: string;
}

/** With the runs that the request is going to create. */
interface RequestWithRuns extends IdempotentRequest {
  readonly runIds: readonly string[];
}

/** Hashes everything that makes two requests the same, so that no prompt is stored a second time. */
export function hashRequest(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/**
 * Takes all keys that are free or expired, for the runs that this transaction is about to create, and returns their
 * requests. Must come first in the transaction. No key may appear twice.
 *
 * Of two transactions at once the second waits here until the first has committed, and does not get the key; if the
 * first is rolled back, the second gets it.
 */
export async function takeFreeKeys<T extends RequestWithRuns>(trx: Transaction, requests: readonly T[]): Promise<T[]> {
  if (requests.length === 0) return [];
  const entries = requests.map(({ owner, key, hash, runIds }) => ({ owner, key, hash, runIds }));
  // Inserted in one order, so that two transactions that take the same keys do not wait for each other.
  const { rows } = await sql<IdempotencyKey>`
    insert into longhaul.idempotency_keys as held (owner, key, request_hash, run_ids)
    select owner, key, hash, "runIds"
      from json_to_recordset(${JSON.stringify(entries)}::json) as request (owner text, key text, hash text, "runIds" uuid[])
     order by owner, key
    on conflict (owner, key) do update
       set request_hash = excluded.request_hash, run_ids = excluded.run_ids, created_at = excluded.created_at
     where held.created_at < now() - ${LASTS_HOURS} * interval '1 hour'
    returning owner, key`.execute(trx);
  const toName = ({ owner, key }: IdempotencyKey) => JSON.stringify([owner, key]);
  const taken = new Set(rows.map(toName));
  return requests.filter((request) => taken.has(toName(request)));
}

/**
 * Reads the ids of the runs that an earlier request with this key has created; null: there was none.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request.
 */
export async function findIdempotentRuns(
  database: Database,
  { owner, key, hash }: IdempotentRequest,
): Promise<readonly string[] | null> {
  const { rows } = await sql<{ request_hash: string; run_ids: string[] }>`
    select request_hash, run_ids::text[] as run_ids from longhaul.idempotency_keys
     where owner = ${owner} and key = ${key} and created_at >= now() - ${LASTS_HOURS} * interval '1 hour'`.execute(
    database.sql,
  );
  const [earlier] = rows;
  if (earlier === undefined) return null;
  if (earlier.request_hash === hash) return earlier.run_ids;
  throw new LonghaulError('idempotency_mismatch', {
    message: `This Idempotency-Key was used before with a different request, for run ${earlier.run_ids[0]}. Use a new key for a new request.`,
  });
}

/** Does the same, but first waits for an earlier request that is still in progress. */
export async function awaitIdempotentRuns(
  database: Database,
  request: IdempotentRequest,
): Promise<readonly string[] | null> {
  const trx = await database.sql.startTransaction().execute();
  try {
    await takeFreeKeys(trx, [{ ...request, runIds: [] }]);
  } finally {
    await trx.rollback().execute();
  }
  return findIdempotentRuns(database, request);
}

interface Pointing extends IdempotencyKey {
  /** The run that the key stands for now. */
  readonly from: string;
  readonly to: string;
}

/** Makes a key return another run than before. Does nothing when the key has expired and was taken again since. */
export async function pointIdempotencyKey(trx: Transaction, { owner, key, from, to }: Pointing): Promise<void> {
  await sql`
    update longhaul.idempotency_keys set run_ids = array[${to}::uuid]
     where owner = ${owner} and key = ${key} and run_ids = array[${from}::uuid]`.execute(trx);
}

/** Deletes expired keys. */
export async function removeOldIdempotencyKeys(database: Database): Promise<void> {
  await sql`delete from longhaul.idempotency_keys
    where created_at < now() - ${LASTS_HOURS} * interval '1 hour'`.execute(database.sql);
}
