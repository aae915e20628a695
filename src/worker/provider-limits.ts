import { sql } from 'kysely';
import { head } from '../core/text.ts';
import { CHANNELS, type Database, type Transaction } from '../db/database.ts';
import type { ProviderLimit } from '../gateway/governor.ts';

/** Longest message of the provider that is kept. */
const MAX_MESSAGE_CHARACTERS = 500;

/** Wait when the provider names no time. Each later answer with the same limit doubles it. */
const UNNAMED_SECONDS = { first: 1, longest: 300 };

/**
 * Longest wait until a run probes whether a limit still applies, even when the provider named a later time, which may
 * be wrong.
 */
const LONGEST_SECONDS = 3_600;

/** Time between two runs that probe a limit. */
export const PROBE_EVERY_MS = 2_000;

/** A limit that no call has met for this long is forgotten. */
const FORGOTTEN_AFTER = sql.lit('15 minutes');

/** A limit of an account, for one model or for all. */
export interface KnownLimit {
  readonly model: string;
  readonly kind: ProviderLimit['kind'];
  readonly message: string;
  /** On this machine's clock. */
  readonly untilMs: number;
}

/** The row of a limit: an account, and one of its models or all. */
interface Place {
  readonly account: string;
  readonly model: string;
}

/** Reads the limits of an account, by model. */
export async function readLimits(database: Database, account: string): Promise<Map<string, KnownLimit>> {
  const { rows } = await sql<Omit<KnownLimit, 'untilMs'> & { leftMs: number }>`
    select model, kind, message, (extract(epoch from until - clock_timestamp()) * 1000)::float as "leftMs"
      from longhaul.provider_limits
     where account = ${account} and until > clock_timestamp() - interval ${FORGOTTEN_AFTER}`.execute(database.sql);
  return new Map(
    rows.map(({ model, kind, message, leftMs }) => [model, { model, kind, message, untilMs: Date.now() + leftMs }]),
  );
}

/** Records that a call met a limit, and notifies the other workers. */
export async function recordLimit(
  database: Database,
  { account, model, kind, message, resetAt }: Place & Pick<ProviderLimit, 'kind' | 'message' | 'resetAt'>,
): Promise<void> {
  const named = resetAt === null ? null : Math.min(LONGEST_SECONDS, Math.max(0, (resetAt - Date.now()) / 1_000));
  const { first, longest } = UNNAMED_SECONDS;
  // Answers to calls that were in progress when the limit was met give no new information.
  await sql`
    insert into longhaul.provider_limits as met (account, model, kind, message, until, next_probe_at)
    select ${account}, ${model}, ${kind}, ${head(message, MAX_MESSAGE_CHARACTERS)}, until, until
      from (select clock_timestamp() + ${named ?? first} * interval '1 second' as until) as asked
    on conflict (account, model) do update
       set kind = excluded.kind, message = excluded.message,
           strikes = case when met.until < clock_timestamp() then met.strikes + 1 else met.strikes end,
           until = greatest(met.until, excluded.until, case when ${named === null} and met.until < clock_timestamp()
             then clock_timestamp() + least(${longest}, ${first} * power(2, met.strikes)) * interval '1 second' end),
           next_probe_at = greatest(met.until, excluded.until)`.execute(database.sql);
  await notify(database, account);
}

/** Deletes a limit that has ended. Returns false when another worker already had. */
export async function deleteLimit(database: Database, { account, model }: Place): Promise<boolean> {
  const { numDeletedRows } = await database.sql
    .deleteFrom('longhaul.provider_limits')
    .where('account', '=', account)
    .where('model', '=', model)
    .executeTakeFirst();
  return numDeletedRows !== 0n;
}

/** Notifies the workers that the limits of an account have changed. */
export async function notify(database: Database, account: string): Promise<void> {
  await sql`select pg_notify(${CHANNELS.provider}, ${account})`.execute(database.sql);
}

/** Returns whether a run may probe a limit now. Of two claims at once, the second gets false. */
export async function mayProbe(trx: Transaction, { account, model }: Place): Promise<boolean> {
  const { rows } = await sql`
    update longhaul.provider_limits
       set next_probe_at = clock_timestamp() + ${PROBE_EVERY_MS} * interval '1 millisecond'
     where account = ${account} and model = ${model} and next_probe_at <= clock_timestamp()
    returning model`.execute(trx);
  if (rows.length > 0) return true;
  const known = await trx
    .selectFrom('longhaul.provider_limits')
    .select('model')
    .where('account', '=', account)
    .where('model', '=', model)
    .executeTakeFirst();
  // Another worker has forgotten the limit since the last read.
  return known === undefined;
}
