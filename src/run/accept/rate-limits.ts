import { createHash } from 'node:crypto';
import { CompiledQuery } from 'kysely';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Limits } from '../../config/config.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Database } from '../../db/database.ts';

/** Submissions are counted in windows of this length. */
export const WINDOW_SECONDS = 60;

/** The state of a limit after a submission was counted. */
export interface RateLimitState {
  /** `user` or `key`. */
  readonly name: string;
  /** Submissions in a window of 60 s. */
  readonly quota: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

interface Counted {
  readonly states: RateLimitState[];
  readonly isRefused: boolean;
  /** Takes the count back, because the submission is a repeated one. */
  giveBack(): Promise<void>;
}

/** Counts submissions, exactly across all servers, because the counts are in the database. */
export interface RateLimits {
  /**
   * Counts submissions, each against its user, as `toUserKey` writes it, and all against their key. `isRefused` is true
   * when they exceed at least one of these limits.
   */
  count(submissions: { users: readonly (string | null)[]; keyId: string }): Promise<Counted>;
}

export function createRateLimits({
  database,
  limits,
}: {
  database: Database;
  limits: Pick<Limits, 'perUser' | 'perKey'>;
}): RateLimits {
  const perUser = createLimiter({ database, name: 'user', quota: limits.perUser.runsPerMinute });
  const perKey = createLimiter({ database, name: 'key', quota: limits.perKey.runsPerMinute });
  return {
    async count({ users, keyId }) {
      const named = Map.groupBy(
        users.filter((user) => user !== null),
        (user) => user,
      );
      const counted = await Promise.all([
        ...(perUser === null ? [] : [...named].map(([user, { length }]) => perUser.count(toCountKey(user), length))),
        perKey?.count(keyId, users.length),
      ]);
      const results = counted.filter((result) => result !== undefined);
      return {
        states: toStates(results),
        isRefused: results.some((result) => result.isRefused),
        async giveBack() {
          await Promise.all(results.map((result) => result.giveBack()));
        },
      };
    },
  };
}

/**
 * Shortens a user key to fit the table. A user of a team is named by a digest, which differs from any other user's
 * name.
 */
function toCountKey(userKey: string): string {
  return userKey.startsWith('[') ? `[${createHash('sha256').update(userKey).digest('base64url')}]` : userKey;
}

/** Reduces the users of a batch to the user with the fewest remaining submissions. */
function toStates(results: readonly Count[]): RateLimitState[] {
  const byName = Map.groupBy(results, ({ state }) => state.name);
  return [...byName.values()].map(
    (ofName) =>
      ofName.toSorted((a, b) => Number(b.isRefused) - Number(a.isRefused) || a.state.remaining - b.state.remaining)[0]!
        .state,
  );
}

/** Creates the error for a reached limit. If several are reached, the last one to reset says when to try again. */
export function toRateLimitError(
  states: readonly RateLimitState[],
  { submissions }: { submissions: number },
): LonghaulError {
  const reached = states.filter(({ remaining }) => remaining === 0).sort((a, b) => b.resetSeconds - a.resetSeconds)[0];
  const { name = 'user', quota = 0, resetSeconds = WINDOW_SECONDS } = reached ?? {};
  const owner = name === 'user' ? 'This user' : 'This API key';
  const batch = submissions === 1 ? '' : ` None of the ${submissions} was submitted.`;
  return new LonghaulError('rate_limited', {
    message: `${owner} may submit ${quota} runs a minute. Try again in ${resetSeconds} s.${batch}`,
    retryAfterSeconds: resetSeconds,
  });
}

interface Count {
  readonly state: RateLimitState;
  readonly isRefused: boolean;
  giveBack(): Promise<void>;
}

function createLimiter({ database, name, quota }: { database: Database; name: string; quota: number | null }) {
  if (quota === null) return null;
  const limiter = new RateLimiterPostgres({
    storeClient: toStoreClient(database),
    storeType: 'pool',
    schemaName: 'longhaul',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: name,
    points: quota,
    duration: WINDOW_SECONDS,
    // A client that keeps asking while it is rejected is answered from memory.
    inMemoryBlockOnConsumed: quota + 1,
  });
  const toState = (result: RateLimiterRes): RateLimitState => ({
    name,
    quota,
    remaining: Math.max(0, quota - result.consumedPoints),
    resetSeconds: Math.max(1, Math.ceil(result.msBeforeNext / 1_000)),
  });
  const giveNothingBack = () => Promise.resolve();
  return {
    async count(key: string, points: number): Promise<Count> {
      // Handled here, because the limiter does not accept a quota of zero.
      if (quota === 0) {
        const state = { name, quota, remaining: 0, resetSeconds: WINDOW_SECONDS };
        return { state, isRefused: true, giveBack: giveNothingBack };
      }
      const giveBack = async () => {
        await limiter.reward(key, points);
        // The limiter's memory of this key is no longer valid.
        limiter.deleteInMemoryBlockedAll();
      };
      try {
        return { state: toState(await limiter.consume(key, points)), isRefused: false, giveBack };
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) throw refused;
        // A rejection from memory is not counted and has no remaining number, which is 0.
        const isCounted = refused.consumedPoints > 0;
        const state = { ...toState(refused), remaining: 0 };
        return { state, isRefused: true, giveBack: isCounted ? giveBack : giveNothingBack };
      }
    },
  };
}

/** Adapts the database to the pool of node-postgres that the limiter expects, of which it uses `query`. */
function toStoreClient(database: Database) {
  return {
    query: async ({ text, values }: { text: string; values: unknown[] }) => {
      const { rows } = await database.sql.executeQuery(CompiledQuery.raw(text, values));
      return { rows, rowCount: rows.length };
    },
  };
}
