import { plural } from '../../core/plural.ts';
import { hostname } from 'node:os';
import { sql } from 'kysely';
import { IN_PROCESS_KEY_ID } from '../../access/keys.ts';
import { toPoolSize } from '../../config/pool-size.ts';
import { toMessage } from '../../core/errors.ts';
import { notificationsArrive } from '../../db/notifications-arrive.ts';
import { readSchemaVersion } from '../../db/migrate.ts';
import { testQueueBackend } from '../../queue/open-queue.ts';
import { IS_ALIVE, readWorkers } from '../../run/workers.ts';
import { databaseCheck, failed, ok, skipped, warning, worst, type Check } from '../check.ts';

/** Clocks of machines with NTP differ by milliseconds. Tokens and signatures are rejected after minutes. */
const SKEW_WARNING_MS = 2_000;
const SKEW_FAILURE_MS = 60_000;

export const reachable: Check = {
  id: 'database',
  theme: 'database',
  title: 'The database can be reached',
  docs: 'docs/operations.md#postgresql',
  examine({ database }) {
    if ('reason' in database) {
      return database.isFailure
        ? failed(database.reason, 'Check LONGHAUL_DATABASE_URL and the server.')
        : skipped(database.reason);
    }
    return ok(database.kind === 'postgres' ? 'PostgreSQL' : 'embedded, for one process');
  },
};

export const schema = databaseCheck({
  id: 'schema',
  title: 'The schema is that of this version',
  docs: 'docs/upgrades.md#upgrade',
  async examine(database) {
    const { found, newest, isUsable } = await readSchemaVersion(database);
    if (found === newest) return ok(`version ${found}`);
    if (found !== null && found > newest) {
      const advice = 'Update this machine to the newer Longhaul.';
      return isUsable
        ? warning(`version ${found}, which still works with version ${newest} of this Longhaul`, advice)
        : failed(`version ${found}, and this Longhaul knows ${newest}`, advice);
    }
    return failed(`version ${found ?? 'none'} of ${newest}`, 'Run longhaul migrate, or start a server.');
  },
});

export const connections = databaseCheck({
  id: 'connections',
  title: 'PostgreSQL allows enough connections',
  docs: 'docs/operations.md#connections',
  async examine(database, { config }) {
    if (database.kind === 'embedded') return ok('The embedded database has no limit.');
    const poolSize = toPoolSize(config, { isWorkerAlone: false });
    // A process listens once. A worker says how many connections its process may open.
    const { rows } = await sql<{ most: number; processes: number; workers: number; ofWorkers: number }>`
      select current_setting('max_connections')::int
               - current_setting('superuser_reserved_connections')::int as most,
             (select count(*)::int from pg_stat_activity
               where datname = current_database() and application_name = 'longhaul listening') as processes,
             count(*)::int as workers,
             coalesce(sum(coalesce(pool_size, ${poolSize}::int)), 0)::int as "ofWorkers"
        from longhaul.workers where ${IS_ALIVE}`.execute(database.sql);
    const { most = 0, processes = 0, workers = 0, ofWorkers = 0 } = rows[0] ?? {};
    const others = Math.max(workers === 0 ? 1 : 0, processes - workers);
    const needed = ofWorkers + poolSize * others;
    const text = `${processes} processes of up to ${needed} connections together, of ${most}`;
    if (needed > most) {
      return failed(`${text}: some will wait`, `Raise max_connections above ${needed}, or lower database.poolSize.`);
    }
    if (needed + poolSize > most) {
      return warning(`${text}: no room for another process`, 'Raise max_connections before you add a process.');
    }
    return ok(text);
  },
});

export const clock = databaseCheck({
  id: 'clock',
  title: "This machine's clock agrees with the database's",
  docs: 'docs/operations.md#when-a-machine-cannot-work',
  async examine(database) {
    const before = Date.now();
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(database.sql);
    return judgeSkew((rows[0]?.now.getTime() ?? 0) - (before + Date.now()) / 2);
  },
});

/** Judges the difference of two clocks, in ms. */
export function judgeSkew(skewMs: number) {
  const text = `${Math.abs(skewMs / 1_000).toFixed(1)} s apart`;
  const mend = 'Let both machines follow a time server (NTP).';
  if (Math.abs(skewMs) >= SKEW_FAILURE_MS) return failed(text, mend);
  return Math.abs(skewMs) >= SKEW_WARNING_MS ? warning(text, mend) : ok(text);
}

export const encoding = databaseCheck({
  id: 'encoding',
  title: 'The database stores every character',
  docs: 'docs/operations.md#postgresql',
  async examine(database) {
    const { rows } = await sql<{ encoding: string }>`select current_setting('server_encoding') as encoding`.execute(
      database.sql,
    );
    const found = rows[0]?.encoding ?? 'unknown';
    return found === 'UTF8' ? ok(found) : failed(found, "Create the database with encoding 'UTF8'.");
  },
});

export const notifications = databaseCheck({
  id: 'notifications',
  title: 'Notifications of the database arrive',
  docs: 'docs/operations.md#poolers',
  async examine(database, { signal }) {
    const { listen } = database;
    const notify = (channel: string, payload: string) =>
      sql`select pg_notify(${channel}, ${payload})`.execute(database.sql);
    if (await notificationsArrive({ listen, notify, signal })) return ok('within 5 s');
    return failed(
      'None within 5 s: runs start late and streams pause',
      'Give LONGHAUL_DATABASE_URL the address of the server itself, or of a pooler in session mode.',
    );
  },
});

export const queueBackend = databaseCheck({
  id: 'queue-backend',
  title: 'The queue backend wakes workers',
  docs: 'docs/queues.md#when-a-backend-is-away',
  async examine(database, { config: { agents, queueBackend: config } }) {
    if (config === null) return ok('the database wakes them');
    const queues = [...new Set([...agents.values()].map(({ queue }) => queue))];
    try {
      await testQueueBackend(database, { config, queues });
      return ok(config.kind === 'redis' ? 'Redis' : `SQS in ${config.region}`);
    } catch (error) {
      return failed(
        `${toMessage(error)} Until it can be used, runs begin up to 2 s later`,
        'Check LONGHAUL_QUEUE_URL, the network and the rights. A server creates missing queues of SQS when it starts.',
      );
    }
  },
});

export const adminKeys = databaseCheck({
  id: 'admin-keys',
  title: 'Each admin key has an owner',
  docs: 'docs/access.md#see-keys-and-revoke-one',
  async examine(database) {
    const rows = await database.sql
      .selectFrom('longhaul.api_keys')
      .select(['name', ({ fn }) => fn.countAll<number>().as('count')])
      .where('revoked_at', 'is', null)
      .where('id', '<>', IN_PROCESS_KEY_ID)
      .where(sql<boolean>`'admin' = any(scopes)`)
      .groupBy('name')
      .execute();
    if (rows.length === 0) {
      return failed('There is none', 'Create one: longhaul keys create NAME --scope admin --database');
    }
    const twins = rows.filter(({ count }) => count > 1).map(({ name }) => name);
    if (twins.length === 0)
      return ok(
        `${rows.length}: ${rows
          .slice(0, 5)
          .map(({ name }) => name)
          .join(', ')}`,
      );
    return warning(
      `Several admin keys are named ${twins.join(', ')}: one may belong to nobody`,
      'See longhaul keys list, and revoke the keys that were never used.',
    );
  },
});

/** The keeper chains entries each second. */
const CHAINED_WITHIN = '2 minutes';

export const auditChain = databaseCheck({
  id: 'audit-chain',
  theme: 'monitoring',
  title: 'The audit record is chained',
  docs: 'docs/operations.md#the-audit-record',
  async examine(database) {
    const { rows } = await sql<{ late: number; seq: number | null }>`
      select (select count(*)::int from (select from longhaul.audit
               where seq is null and at < now() - ${CHAINED_WITHIN}::interval limit 1000) as waiting) as late,
             (select seq::float8 from longhaul.audit_head) as seq`.execute(database.sql);
    const { late = 0, seq = 0 } = rows[0] ?? {};
    if (late === 0) return ok(`${seq ?? 0} entries; longhaul audit verify checks each`);
    return failed(
      `${late === 1_000 ? '1,000 or more' : late} entries are not chained after ${CHAINED_WITHIN}`,
      'Start a server or a worker; if one runs, its log says why.',
    );
  },
});

export const workers = databaseCheck({
  id: 'workers',
  title: 'Workers take runs',
  docs: 'docs/operations.md#when-runs-wait',
  async examine(database) {
    const alive = await readWorkers(database);
    if (alive.length === 0) return warning('No worker is alive, so runs wait', 'Start one: longhaul worker');
    const versions = [...new Set(alive.map(({ version }) => version))];
    const holding = alive.filter(({ holdingReason }) => holdingReason !== null);
    const findings = [
      ...(versions.length > 1 ? [warning(`versions differ: ${versions.join(', ')}`, 'Finish the upgrade.')] : []),
      ...holding.map(({ host, pid, holdingReason }) =>
        warning(`${host} (${pid}) leaves runs queued: ${holdingReason}`, 'See the reason, and longhaul workers.'),
      ),
      ...alive
        .filter(({ containment }) => containment === 'mark')
        .map(({ host }) => warning(`${host} contains runs by a mark alone`, 'Run longhaul doctor there.')),
    ];
    const hosts = new Set(alive.map(({ host }) => host));
    const isHere = hosts.size > 1 && hosts.has(hostname()) ? ', one of them this' : '';
    return worst(findings, `${plural(alive.length, 'worker')} on ${plural(hosts.size, 'machine')}${isHere}`);
  },
});
