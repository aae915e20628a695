import { sql } from 'kysely';
import type { Agent } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import { toModelKey } from '../core/model-names.ts';
import { head } from '../core/text.ts';
import { repeat } from '../core/timers.ts';
import { CHANNELS, type Database, type Transaction } from '../db/database.ts';
import type { Governor as GatewayGovernor, ProviderLimit } from '../gateway/governor.ts';
import { wakeRuns } from '../run/waiting/wake-runs.ts';
import type { Queue } from '../queue/queue.ts';

/** The provider limits that the fleet knows, as one worker reads and extends them. */
export interface Governor extends GatewayGovernor {
  /**
   * Returns the time until which runs of an agent must not start, or null when they may. After the time that the
   * provider named, one run at a time probes the limit until a call is answered. Part of the claim's transaction: a
   * claim that is rolled back has not probed.
   */
  findProviderLimit(trx: Transaction, agent: string): Promise<Date | null>;
  close(): Promise<void>;
}

interface Limit {
  readonly model: string;
  readonly kind: ProviderLimit['kind'];
  readonly message: string;
  /** On this machine's clock. */
  readonly untilMs: number;
}

/** Stands for every model of an account. */
const ALL_MODELS = '*';

/** Interval at which all limits are read again, for the case that a notification was lost. */
const LOOK_EVERY_MS = 5_000;

/** Wait when the provider names no time. Each later answer with the same limit doubles it. */
const UNNAMED_SECONDS = { first: 1, longest: 300 };

/**
 * Longest wait until a run probes whether a limit still applies, even when the provider named a later time, which may
 * be wrong.
 */
const LONGEST_SECONDS = 3_600;

/** Time between two runs that probe a limit. */
const PROBE_EVERY_MS = 2_000;

/** Spread of the time at which waiting runs come back, so that they do not all start at once. */
const SPREAD_MS = 5_000;

/** A limit that no call has met for this long is forgotten. */
const FORGOTTEN_AFTER = sql.lit('15 minutes');

interface GovernorOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly agents: ReadonlyMap<string, Pick<Agent, 'model'>>;
  /** The account's id from `toAccount` (`provider-account.ts`). */
  readonly account: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Creates a governor that follows what all workers with the same account learn about its limits. */
export async function createGovernor(options: GovernorOptions): Promise<Governor> {
  const { database, queue, agents, account, log } = options;
  let limits = new Map<string, Limit>();
  let isClosed = false;
  const underWay = new Set<Promise<unknown>>();

  async function look(): Promise<void> {
    const { rows } = await sql<Omit<Limit, 'untilMs'> & { leftMs: number }>`
      select model, kind, message, (extract(epoch from until - clock_timestamp()) * 1000)::float as "leftMs"
        from longhaul.provider_limits
       where account = ${account} and until > clock_timestamp() - interval ${FORGOTTEN_AFTER}`.execute(database.sql);
    limits = new Map(
      rows.map(({ model, kind, message, leftMs }) => [model, { model, kind, message, untilMs: Date.now() + leftMs }]),
    );
  }

  /** Runs `work` in the background: a model call does not wait until its limit is recorded. */
  function inBackground(what: string, work: () => Promise<unknown>): void {
    if (isClosed) return;
    const done = work()
      .catch((err: unknown) => log.warn({ err }, what))
      .finally(() => underWay.delete(done));
    underWay.add(done);
  }

  async function note({ model, kind, resetAt, message, isAccountWide }: ProviderLimit): Promise<void> {
    const place = isAccountWide ? ALL_MODELS : toModelKey(model);
    const isNew = !limits.has(place);
    const named = resetAt === null ? null : Math.min(LONGEST_SECONDS, Math.max(0, (resetAt - Date.now()) / 1_000));
    const { first, longest } = UNNAMED_SECONDS;
    // Answers to calls that were in progress when the limit was met give no new information.
    await sql`
      insert into longhaul.provider_limits as met (account, model, kind, message, until, next_probe_at)
      select ${account}, ${place}, ${kind}, ${head(message, 500)}, until, until
        from (select clock_timestamp() + ${named ?? first} * interval '1 second' as until) as asked
      on conflict (account, model) do update
         set kind = excluded.kind, message = excluded.message,
             strikes = case when met.until < clock_timestamp() then met.strikes + 1 else met.strikes end,
             until = greatest(met.until, excluded.until, case when ${named === null} and met.until < clock_timestamp()
               then clock_timestamp() + least(${longest}, ${first} * power(2, met.strikes)) * interval '1 second' end),
             next_probe_at = greatest(met.until, excluded.until)`.execute(database.sql);
    await sql`select pg_notify(${CHANNELS.provider}, ${account})`.execute(database.sql);
    await look();
    const until = limits.get(place)?.untilMs;
    if (!isNew) return;
    const facts = { account, model: place, kind, until: until === undefined ? null : new Date(until).toISOString() };
    log.warn(
      { ...facts, detail: head(message, 500) },
      'the model provider has reached a limit: runs that need it wait',
    );
  }

  async function forget(place: string): Promise<void> {
    const { numDeletedRows } = await database.sql
      .deleteFrom('longhaul.provider_limits')
      .where('account', '=', account)
      .where('model', '=', place)
      .executeTakeFirst();
    limits.delete(place);
    if (numDeletedRows === 0n) return;
    await sql`select pg_notify(${CHANNELS.provider}, ${account})`.execute(database.sql);
    const woken = await wakeRuns({ database, queue }, { waitingFor: 'provider_limit' });
    log.info({ account, model: place, woken }, 'the model provider answers again: waiting runs are queued');
  }

  function placesOf(model: string): string[] {
    return limits.size === 0 ? [] : [ALL_MODELS, toModelKey(model)].filter((place) => limits.has(place));
  }

  const stopListening = await database.listen(
    CHANNELS.provider,
    (payload) => {
      if (payload === account) inBackground("the provider's limits could not be read", look);
    },
    () => inBackground("the provider's limits could not be read", look),
  );
  const timer = repeat(LOOK_EVERY_MS, () => inBackground("the provider's limits could not be read", look));
  await look();

  return {
    onLimit: (limit) => inBackground('a limit of the provider could not be recorded', () => note(limit)),
    onAnswer(model) {
      for (const place of placesOf(model)) {
        // An answer to a call from before the limit does not show that the limit has ended.
        if ((limits.get(place)?.untilMs ?? Infinity) > Date.now()) continue;
        inBackground('the end of a limit of the provider could not be recorded', () => forget(place));
      }
    },
    limitOf(model) {
      const standing = placesOf(model)
        .map((place) => limits.get(place)!)
        .filter(({ untilMs }) => untilMs > Date.now())
        .sort((a, b) => b.untilMs - a.untilMs)[0];
      if (standing === undefined) return null;
      const code = standing.kind === 'overloaded' ? 'provider_overloaded' : 'provider_rate_limit';
      return {
        resetAt: standing.untilMs,
        code,
        message: 'The model provider has reached a limit. The run waits until the limit ends.',
      };
    },
    async findProviderLimit(trx, agent) {
      const places = placesOf(agents.get(agent)?.model ?? '');
      for (const place of places) {
        const { untilMs } = limits.get(place)!;
        if (untilMs > Date.now()) return new Date(untilMs + Math.random() * SPREAD_MS);
        if (!(await mayProbe(trx, place))) return new Date(Date.now() + PROBE_EVERY_MS + Math.random() * SPREAD_MS);
      }
      return null;
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      await stopListening();
      await Promise.all(underWay);
    },
  };

  /** Returns whether a run may probe the limit now. Of two claims at once, the second gets false. */
  async function mayProbe(trx: Transaction, place: string): Promise<boolean> {
    const { rows } = await sql`
      update longhaul.provider_limits
         set next_probe_at = clock_timestamp() + ${PROBE_EVERY_MS} * interval '1 millisecond'
       where account = ${account} and model = ${place} and next_probe_at <= clock_timestamp()
      returning model`.execute(trx);
    if (rows.length > 0) return true;
    const known = await trx
      .selectFrom('longhaul.provider_limits')
      .select('model')
      .where('account', '=', account)
      .where('model', '=', place)
      .executeTakeFirst();
    // Another worker has forgotten the limit since the last read.
    return known === undefined;
  }
}
