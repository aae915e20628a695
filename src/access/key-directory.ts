import { setMaxListeners } from 'node:events';
import { sql } from 'kysely';
import { every } from '../core/every.ts';
import { guarded } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Caller } from './caller.ts';
import { hashKey } from './keys.ts';
import { createLastUse } from './last-use.ts';
import type { Scope } from './scopes.ts';

/** Milliseconds that a found key is considered valid without another query. */
const REMEMBER_MS = 5_000;

/** Milliseconds between polls for revoked keys, for a server that misses a notification. */
const LOOK_EVERY_MS = 4_000;

/** A valid key. */
export interface WorkingKey {
  readonly caller: Caller;
  /** Aborts when the key is revoked. All callers with the key share it, so a listener must be removed when done. */
  readonly revoked: AbortSignal;
}

/** Finds keys without a query each time, and reports at once when a key is revoked, on any server. */
export interface KeyDirectory {
  /** Finds a key by its full text, as it was sent; null when it is unknown or revoked. */
  find(key: string): Promise<WorkingKey | null>;
  /** Finds a key by its id, as tokens name it. */
  findById(id: string): Promise<WorkingKey | null>;
  close(): Promise<void>;
}

interface KnownKey extends WorkingKey {
  readonly hash: string;
  readonly controller: AbortController;
  freshUntil: number;
}

/** Opens the directory. `createLastUse` records in the background when a key was used. */
export async function openKeyDirectory({ database, log }: { database: Database; log: Logger }): Promise<KeyDirectory> {
  const byHash = new Map<string, KnownKey>();
  const byId = new Map<string, KnownKey>();
  /** Ids of revoked keys, so that a query in progress during the revocation does not bring a key back. */
  const revokedIds = new Set<string>();
  const lastUse = createLastUse({ database, log });
  let lookedAt = new Date(0);

  function revoke(id: string): void {
    revokedIds.add(id);
    const known = byId.get(id);
    if (known === undefined) return;
    byId.delete(id);
    byHash.delete(known.hash);
    known.controller.abort();
  }

  async function look(): Promise<void> {
    if (byId.size === 0) return;
    // A minute further back, because a revocation in a transaction that committed late has an older time.
    const { rows } = await sql<{ ids: string[]; now: Date }>`
      select coalesce(array_agg(id), '{}') as ids, now() as now from longhaul.api_keys
       where revoked_at > ${lookedAt}::timestamptz - interval '1 minute'`.execute(database.sql);
    lookedAt = rows[0]!.now;
    rows[0]!.ids.forEach(revoke);
  }

  async function findBy(column: 'hash' | 'id', value: string): Promise<WorkingKey | null> {
    const known = (column === 'hash' ? byHash : byId).get(value);
    if (known !== undefined && known.freshUntil > performance.now()) return known;
    const freshUntil = performance.now() + REMEMBER_MS;
    const row = await database.sql
      .selectFrom('longhaul.api_keys')
      .select(['id', 'hash', 'scopes', 'user_id', 'team'])
      .where(column, '=', value)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    if (row === undefined) {
      if (known !== undefined) revoke(known.caller.keyId);
      return null;
    }
    const { id, hash, scopes, user_id: user, team } = row;
    if (revokedIds.has(id)) return null;
    let found = byId.get(id);
    if (found === undefined) {
      const controller = new AbortController();
      setMaxListeners(0, controller.signal); // A listener for each open stream.
      const caller = { kind: 'key', keyId: id, scopes: scopes as Scope[], user, team } as const;
      found = { caller, revoked: controller.signal, hash, controller, freshUntil };
      byId.set(id, found);
      byHash.set(hash, found);
    }
    found.freshUntil = freshUntil;
    return found;
  }

  async function findInUse(column: 'hash' | 'id', value: string): Promise<WorkingKey | null> {
    const found = await findBy(column, value);
    if (found !== null) lastUse.record(found.caller.keyId);
    return found;
  }

  const onError = (err: unknown) => log.warn({ err }, 'the poll for revoked API keys failed');
  const stopListening = await database.listen(CHANNELS.revocations, revoke, guarded(look, onError));
  const stopLooking = every({ intervalMs: LOOK_EVERY_MS, task: look, onError });
  return {
    find: (key) => findInUse('hash', hashKey(key)),
    findById: (id) => findInUse('id', id),
    async close() {
      await stopLooking();
      await stopListening();
      await lastUse.close();
    },
  };
}
