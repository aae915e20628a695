import { sql } from 'kysely';
import type { Config } from '../config/config.ts';
import { every } from '../core/every.ts';
import type { Logger } from '../core/log.ts';
import { report } from '../core/process-events.ts';
import type { Database } from '../db/database.ts';
import { vacuumTables } from '../db/vacuum-tables.ts';
import type { Queue } from '../queue/queue.ts';
import { logLostRun } from './log-finished-run.ts';
import { expireApprovals } from '../run/approvals/decide-approval.ts';
import { sweepHeld } from '../run/waiting/concurrency.ts';
import { wakeOverdue } from '../run/waiting/wake-runs.ts';
import { removeUnusedFiles } from '../run/attachments/files.ts';
import { removeOldIdempotencyKeys } from '../run/accept/idempotency-keys.ts';
import { foldDeltas } from '../run/log/fold-deltas.ts';
import { noteOldWords } from '../run/note-old-words.ts';
import { removeExpiredRuns } from '../run/remove-expired.ts';
import { removeOldCounts } from '../run/remove-old-counts.ts';
import { findSessions as findExisting } from '../run/sessions/read-sessions.ts';
import { SEES_ALL } from '../run/viewer.ts';
import { sweepHeldInSessions } from '../run/waiting/session-gate.ts';
import { sweepLostRuns } from '../run/end/sweep-lost.ts';
import { removeDeadWorkers } from './presence.ts';
import { removeOldWorkspaces } from './workspace.ts';

const SWEEP_EVERY_MS = 5_000;
const EXPIRE_EVERY_MS = 10 * 60_000;
const VACUUM_EVERY_MS = 60_000;

/**
 * Starts the periodic tasks that every worker does for all workers. Any number of workers may do them at once. Returns
 * the function that stops them.
 */
export function startMaintenance(deps: {
  config: Config;
  database: Database;
  queue: Queue;
  log: Logger;
}): () => Promise<void> {
  const { config, database, queue, log } = deps;
  const stopping = new AbortController();

  async function sweep(): Promise<void> {
    const onError = (err: unknown, runId: string) => log.error({ err, runId }, 'a lost run could not be settled');
    for (const { run, conclusion } of await sweepLostRuns({ database, queue, rules: config, log, onError })) {
      logLostRun(log, { run, conclusion });
      report('run.taken_over', {});
    }
    await sweepHeld({ database, queue, rules: config });
    await sweepHeldInSessions({ database, queue });
    await wakeOverdue({ database, queue });
    await expireApprovals({ database, queue, rules: config });
  }

  async function expire(): Promise<void> {
    if (config.foldAfterMinutes !== null)
      await foldDeltas(database, { afterMinutes: config.foldAfterMinutes, signal: stopping.signal });
    const noted = await noteOldWords(database, { signal: stopping.signal });
    if (noted > 0) log.info({ count: noted }, 'runs of before can be searched by their words');
    await removeDeadWorkers(database);
    await removeOldCounts(database);
    await removeOldIdempotencyKeys(database);
    await removeUnusedFiles(database, { signal: stopping.signal });
    // Kept one day longer, because a directory's name contains the time when its run was submitted, not when it ended.
    // The time is the database's, as for the runs: a wrong clock on this machine would delete the directories of
    // running runs.
    const before = new Date((await readNow()).getTime() - (config.retentionDays + 1) * 24 * 3_600_000);
    const findSessions = async (sessionIds: readonly string[]) =>
      new Set((await findExisting(database, { sessionIds, viewer: SEES_ALL })).keys());
    for (const agent of config.agents.values()) await removeOldWorkspaces(agent.workspace, { before, findSessions });
    // Last, because it may take minutes.
    const { retentionDays } = config;
    const count = await removeExpiredRuns(database, { retentionDays, signal: stopping.signal });
    if (count > 0) log.info({ count }, 'removed runs older than retentionDays');
  }

  async function readNow(): Promise<Date> {
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(database.sql);
    return rows[0]!.now;
  }

  async function vacuum(): Promise<void> {
    await vacuumTables(database, { signal: stopping.signal });
  }

  const onError = (err: unknown) => log.warn({ err }, 'maintenance failed; the worker retries');
  const stops = [
    every({ intervalMs: SWEEP_EVERY_MS, task: sweep, onError }),
    every({ intervalMs: EXPIRE_EVERY_MS, task: expire, onError }),
    ...(database.kind === 'embedded' ? [every({ intervalMs: VACUUM_EVERY_MS, task: vacuum, onError })] : []),
  ];
  return async () => {
    stopping.abort();
    await Promise.all(stops.map((stop) => stop()));
  };
}
