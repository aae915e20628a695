import { createHash } from 'node:crypto';
import { createMiddleware } from 'hono/factory';
import { sql } from 'kysely';
import { toIdempotencyOwner } from '../access/caller.ts';
import { createInOrder } from '../core/in-order.ts';
import type { Database } from '../db/database.ts';
import type { ManagedDeps, ManagedEnv } from './deps.ts';

/** Time for which an answer is kept. The client repeats a request for about half a minute. */
const KEPT_MINUTES = 15;

/** Answers deleted with each that is written. */
const REMOVED_AT_ONCE = 20;

/**
 * Answers a request that the client repeats by itself as its first try was answered: the client sends no idempotency
 * key, but says that it repeats (`x-stainless-retry-count`). So a message is said once, and a session made once, however
 * bad the network is.
 *
 * A request that is not a repetition is always new. A repetition waits for a first try that is in progress in the same
 * process. Refusals are not kept: the same request may be accepted later.
 */
export function answerOnce({ database, log }: ManagedDeps) {
  const inOrder = createInOrder();
  return createMiddleware<ManagedEnv>(async (context, next) => {
    if (context.req.method !== 'POST' && context.req.method !== 'DELETE') return next();
    // A form differs with every try. A file that is uploaded twice does no harm.
    if (context.req.header('content-type')?.startsWith('multipart/') === true) return next();
    const owner = toIdempotencyOwner(context.get('caller'));
    const sent = await context.req.raw.clone().arrayBuffer();
    const hash = createHash('sha256')
      .update(`${context.req.method} ${context.req.path}\n`)
      .update(new Uint8Array(sent))
      .digest('hex');
    const isRepeated = Number(context.req.header('x-stainless-retry-count') ?? 0) > 0;
    await inOrder(JSON.stringify([owner, hash]), async () => {
      const kept = isRepeated ? await findAnswer(database, { owner, hash }) : null;
      if (kept !== null) {
        context.res = context.json(kept.body as object, kept.status as 200);
        return;
      }
      await next();
      const { status } = context.res;
      if (status !== 200) return;
      const body = await context.res.clone().text();
      try {
        await keepAnswer(database, { owner, hash, status, body });
      } catch (err) {
        // The request was carried out: an error would make the client send it again.
        log.warn({ err, requestId: context.get('requestId') }, 'an answer could not be kept for a repeated request');
      }
    });
  });
}

interface Key {
  readonly owner: string;
  readonly hash: string;
}

async function findAnswer(database: Database, { owner, hash }: Key): Promise<{ status: number; body: unknown } | null> {
  const row = await database.sql
    .selectFrom('longhaul.managed_answers')
    .select(['status', 'body'])
    .where('owner', '=', owner)
    .where('hash', '=', hash)
    .where('at', '>', sql<Date>`now() - ${KEPT_MINUTES} * interval '1 minute'`)
    .executeTakeFirst();
  return row ?? null;
}

async function keepAnswer(database: Database, answer: Key & { status: number; body: string }): Promise<void> {
  const { owner, hash, status, body } = answer;
  await sql`
    with old as (
      delete from longhaul.managed_answers where (owner, hash) in (
        select owner, hash from longhaul.managed_answers
         where at < now() - ${KEPT_MINUTES} * interval '1 minute' and (owner, hash) <> (${owner}, ${hash})
         order by at limit ${sql.lit(REMOVED_AT_ONCE)} for update skip locked))
    insert into longhaul.managed_answers (owner, hash, status, body) values (${owner}, ${hash}, ${status}, ${body}::json)
    on conflict (owner, hash) do update set status = excluded.status, body = excluded.body, at = now()`.execute(
    database.sql,
  );
}
