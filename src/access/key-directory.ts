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

/** How long a key that was found is taken as still good without another look. */
const REMEMBER_MS = 5_000;

/** How often it is asked what was revoked, for a server that hears no notification. */
const LOOK_EVERY_MS = 4_000;

/** A key that works. */
export interface WorkingKey {
  readonly caller: Caller;
  /** Aborts when the key is revoked. Shared by all that call with it: whoever listens has to take its listener back. */
  readonly revoked: AbortSignal;
}

/** Finds keys without a query each time, and says at once when one is revoked, wherever that was done. */
export interface KeyDirectory {
  /** The key itself, as it was sent; null: not known, or revoked. */
  find(key: string): Promise<WorkingKey | null>;
  /** The key with an id, as tokens name it. */
  findById(id: string): Promise<WorkingKey | null>;
  close(): Promise<void>;
}

interface KnownKey extends WorkingKey {
  readonly hash: string;
  readonly controller: AbortController;
  freshUntil: number;
}

/** Opens the directory. `createLastUse` writes down, beside the way, when a key was used. */
export async function openKeyDirectory({ database, log }: { database: Database; log: Logger }): Promise<KeyDirectory> {
  const byHash = new Map<string, KnownKey>();
  const byId = new Map<string, KnownKey>();
  /** So that a look which was under way when a key was revoked does not bring it back. */
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
    // A minute back: what was revoked in a transaction that committed late is older than it seems.
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

  const onError = (err: unknown) => log.warn({ err }, 'it could not be seen which API keys were revoked');
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
