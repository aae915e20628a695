import { sql } from 'kysely';
import { expect } from 'vitest';
import type { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createQueueDatabase } from '../../test/support/queue-database.ts';
import type { Agent } from '../config/config.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { createId } from '../core/ids.ts';
import { collectLog } from '../core/log.fixture.ts';
import { createAcceptRuns } from './accept/accept-runs.ts';
import { claimRuns, type Claim } from './claim/claim.ts';
import { readEvents } from './log/read-events.ts';
import { settleAttempt, type Settlement } from './end/settle.ts';
import type { Submission } from './accept/submission.ts';
import { sweepLostRuns } from './end/sweep-lost.ts';

export const usage = { inputTokens: 100, outputTokens: 20, cacheReadTokens: 5, cacheCreationTokens: 7 };

/** The default end of an attempt in tests. */
export const settlement: Settlement = {
  outcome: { status: 'succeeded', result: 'done' },
  turns: 2,
  durationMs: 1_234,
  toolUses: { Read: 3 },
  metered: { costMicros: 600, models: { m: { ...usage, costUsd: 0.0006 } } },
  reported: { costMicros: 700, models: { m: { ...usage, costUsd: 0.0007 } } },
  exitCode: 0,
  signal: null,
  stderrTail: '',
  claudeCodeVersion: '2.1.330',
  peakMemoryBytes: 180_000_000,
  retryAfterSeconds: null,
};

/** The agent "reader" as a configuration defines it. */
export function createReader(agent: Partial<LonghaulConfig['agents'][string]> = {}): Agent {
  const input = { agents: { reader: { tools: ['Read'], ...agent } } };
  return resolveConfig({ input, baseDir: '/', env: {} }).agents.get('reader')!;
}

/** A database with a queue, and short helpers to work with its runs. */
export async function createRunBench(kind: (typeof DATABASE_KINDS)[number], config: Partial<LonghaulConfig> = {}) {
  const { database, url, queue, remove } = await createQueueDatabase(kind, ['reader']);
  const resolve = (changes: Partial<LonghaulConfig>) =>
    resolveConfig({ input: { agents: { reader: { tools: ['Read'] } }, ...changes }, baseDir: '/', env: {} });
  const agent = resolve(config).agents.get('reader')!;
  const { log, lines } = collectLog();
  const deps = { database, queue, rules: resolve(config), log };
  const caller = createId();
  const workerId = createId();
  const toSubmission = (changes: Partial<Submission> = {}): Submission => ({
    agent,
    prompt: 'hello',
    user: 'ann',
    team: null,
    metadata: { ticket: 7 },
    priority: 0,
    startAfter: null,
    limits: agent.limits,
    requestedLimits: {},
    retryOf: null,
    idempotencyKey: null,
    createdBy: caller,
    ...changes,
  });
  const claimUpTo = async (limit: number, changes: Partial<Parameters<typeof claimRuns>[1]> = {}): Promise<Claim[]> => {
    const agents = new Set(['reader']);
    return [...(await claimRuns(deps, { queue: 'reader', workerId, limit, agents, ...changes })).claims];
  };

  return {
    database,
    /** On PostgreSQL: the address to open it again, as another server would. */
    url,
    queue,
    log,
    /** The logged lines. */
    lines,
    get rules() {
      return deps.rules;
    },
    /** Continues as after a restart with another configuration. */
    configure(changes: Partial<LonghaulConfig>) {
      deps.rules = resolve(changes);
    },
    agent,
    caller,
    workerId,
    toSubmission,
    /** Each call submits as a different server: simultaneous ones meet in the database. */
    async submit(changes: Partial<Submission> = {}) {
      const { runs } = await createAcceptRuns(deps)({ submission: toSubmission(changes) });
      return runs[0]!;
    },
    async claim(): Promise<Claim> {
      const [claimed] = await claimUpTo(1);
      if (claimed === undefined) throw new Error('Nothing to claim.');
      return claimed;
    },
    claimUpTo,
    /** Returns the run as the attempt's end leaves it, or null when the lease was lost. */
    async settle(claimed: Claim, changes: Partial<Settlement> = {}) {
      const ended = { ...settlement, ...changes };
      const settled = await settleAttempt(deps, { lease: claimed.lease, settlement: ended });
      return settled?.run ?? null;
    },
    /** Returns the runs whose lost attempts this sweep has settled. */
    async sweep() {
      const onError = (error: unknown) => expect.unreachable(String(error));
      return (await sweepLostRuns({ ...deps, onError })).map(({ run }) => run);
    },
    expireLease: (runId: string) =>
      sql`update longhaul.runs set lease_expires_at = now() - interval '1 second' where id = ${runId}`.execute(
        database.sql,
      ),
    events: async (runId: string) => (await readEvents(database, { runId, after: 0, limit: 1_000 })).events,
    depth: async () => (await queue.depth(['reader']))[0]!,
    /** Makes a run that waits for its next attempt ready now. */
    endWait: () =>
      sql`update longhaul_queue.job set start_after = now() where state in ('created', 'retry')`.execute(database.sql),
    remove,
  };
}

export type RunBench = Awaited<ReturnType<typeof createRunBench>>;
