import type { Config } from '../config/config.ts';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { maskSecrets } from '../core/mask-secrets.ts';
import { readSchemaVersion } from '../db/migrate.ts';
import { openPostgresDatabase } from '../db/postgres.ts';
import { after } from '../core/timers.ts';
import { openFleet, type DrillFleet } from './drill-fleet.ts';
import { failed, skipped, type Drill, type DrillFinding, type DrillResult } from './drill.ts';
import { budget, ceiling } from './drills/limits.ts';
import { testAlert, webhook } from './drills/messages.ts';
import { drain, executableKilled, restart, takeover } from './drills/processes.ts';
import { audit, migrations } from './drills/records.ts';
import { listenerCut, streamCut } from './drills/streams.ts';

/** Every drill, in the order of the report. A new one also needs its line in docs/doctor.md. */
export const DRILLS: readonly Drill[] = [
  takeover,
  executableKilled,
  drain,
  restart,
  streamCut,
  listenerCut,
  ceiling,
  budget,
  audit,
  migrations,
  webhook,
  testAlert,
];

/** Drills at the same time on PostgreSQL. Each has a worker and an executable, about 400 MB. */
const AT_ONCE = 2;

/** Mostly for a busy machine: a drill takes 10 to 30 s on an idle one. */
const TIMEOUT_SECONDS = 240;

interface RunOptions {
  /** The deployment's configuration. */
  readonly config: Config;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ids of the drills. Defaults to all. */
  readonly only?: readonly string[] | undefined;
  /** Ends the drills, and cleans up. */
  readonly signal: AbortSignal;
  readonly onResult?: (result: DrillResult) => void;
}

/**
 * Performs the drills on a deployment, with a scripted model and no cost at a provider. On PostgreSQL its processes are
 * guests of the deployment: they execute the drills' runs alone. On an embedded database, which has one process, the
 * drills have a temporary one. Leaves no process, unfinished run or directory.
 * @throws {LonghaulError} `usage` for an unknown drill, and the errors of opening the database.
 */
export async function runDrills(options: RunOptions): Promise<DrillResult[]> {
  const { config, cwd, env, only, signal, onResult = () => {} } = options;
  const wanted = DRILLS.filter(({ id }) => only?.includes(id) ?? true);
  const unknown = only?.find((id) => !DRILLS.some((drill) => drill.id === id));
  if (unknown !== undefined) {
    const message = `There is no drill ${unknown}. Choose from: ${DRILLS.map(({ id }) => id).join(', ')}`;
    throw new LonghaulError('usage', { message });
  }
  await refuseOldSchema(config);
  const fleet = await openFleet({ config, cwd, env, signal });
  try {
    const queue = [...wanted];
    const results: DrillResult[] = [];
    const work = async () => {
      for (let drill = queue.shift(); drill !== undefined; drill = queue.shift()) {
        const result = await perform(drill, { fleet, signal });
        results.push(result);
        onResult(result);
      }
    };
    const lanes = fleet.kind === 'postgres' ? AT_ONCE : 1;
    await Promise.all(Array.from({ length: lanes }, work));
    return wanted.map(({ id }) => results.find((result) => result.id === id)!);
  } finally {
    await fleet.close();
  }
}

async function perform(
  { id, title, timeoutSeconds = TIMEOUT_SECONDS, perform }: Drill,
  { fleet, signal }: { fleet: DrillFleet; signal: AbortSignal },
): Promise<DrillResult> {
  const startedAt = performance.now();
  const late = new AbortController();
  const timeout = Promise.withResolvers<DrillFinding>();
  const timer = after(timeoutSeconds * 1_000, () => {
    timeout.resolve(failed(`it did not end within ${timeoutSeconds} s`));
    late.abort();
  });
  const ending = AbortSignal.any([signal, late.signal]);
  const attempt = async () => {
    if (signal.aborted) return skipped('The drills were stopped.');
    try {
      return await perform(fleet, ending);
    } catch (error) {
      return signal.aborted ? skipped('The drills were stopped.') : failed(toMessage(error));
    }
  };
  try {
    const { verdict, found } = await Promise.race([attempt(), timeout.promise]);
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    return { id, title, verdict, found: maskSecrets(found), seconds };
  } finally {
    clearTimeout(timer);
  }
}

/** A drill starts servers, which would migrate the database. */
async function refuseOldSchema({ databaseUrl }: Config): Promise<void> {
  if (databaseUrl === null) return;
  const database = await openPostgresDatabase({ url: databaseUrl, poolSize: 5 });
  try {
    const { found, newest, isUsable } = await readSchemaVersion(database);
    if (isUsable) return;
    throw new LonghaulError('database_unsuitable', {
      message: `The database has schema version ${found ?? 'none'}, and this Longhaul ${newest}. Drills migrate nothing: run longhaul migrate first.`,
    });
  } finally {
    await database.close();
  }
}
