import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { openPostgresDatabase } from '../../db/postgres.ts';
import { migrateOnly } from '../../longhaul.ts';
import { createLog } from '../../core/log.ts';
import { toMessage } from '../../core/errors.ts';
import { failed, passed, skipped, startClock, type Drill } from '../drill.ts';
import { STEADY } from '../drill-fleet.ts';
import { QUICK } from '../drill-script.ts';

export const audit: Drill = {
  id: 'audit',
  title: 'The audit record is intact and has each run',
  async perform({ client, submit }) {
    // Accepted and cancelled: it needs no worker.
    const { id } = await submit(STEADY, { prompt: QUICK, user: 'longhaul-drill-audit' });
    await client.cancel(id);
    const { data } = await client.audit({ subject: id, limit: 50 });
    const actions = data.map(({ action }) => action).toReversed();
    if (actions.length < 2)
      return failed(`a run that was submitted and cancelled has the entries: ${actions.join(', ')}`);
    const { isIntact, entries, unchained, problemCount } = await client.verifyAudit();
    if (!isIntact) return failed(`${problemCount} problems in ${entries} entries: see longhaul audit verify`);
    const waiting = unchained > 0 ? `, ${unchained} are not chained yet` : '';
    return passed(`${entries} chained entries are intact${waiting}; a run has ${actions.join(', ')}`);
  },
};

const AT_ONCE = 5;

export const migrations: Drill = {
  id: 'migrate',
  title: 'Several processes may migrate a new database at once',
  async perform({ config, directory }) {
    const { databaseUrl } = config;
    if (databaseUrl === null) return skipped('Only one process at a time opens the embedded database.');
    const database = await openPostgresDatabase({ url: databaseUrl, poolSize: 5 });
    const name = `longhaul_drill_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
    try {
      const { rows } = await sql<{ may: boolean }>`
        select rolcreatedb or rolsuper as may from pg_roles where rolname = current_user`.execute(database.sql);
      if (rows[0]?.may !== true) return skipped('The role may not create a database for it.');
      await database.runScript(`create database ${name} encoding 'UTF8' template template0`);
      const url = new URL(databaseUrl);
      url.pathname = `/${name}`;
      const clock = startClock();
      const own = { ...config, databaseUrl: url.href, dataDir: directory, adminKey: null };
      const ends = await Promise.allSettled(
        Array.from({ length: AT_ONCE }, () => migrateOnly(own, { makesAdminKey: false, log: createLog('silent') })),
      );
      const lost = ends.filter((end) => end.status === 'rejected');
      if (lost[0] !== undefined) return failed(`${lost.length} of ${AT_ONCE} failed: ${toMessage(lost[0].reason)}`);
      const migrated = ends.filter((end) => end.status === 'fulfilled' && end.value.applied.length > 0).length;
      if (migrated !== 1) return failed(`${migrated} of ${AT_ONCE} applied migrations`);
      return passed(`${AT_ONCE} at once on a new database: one migrated it, the others waited, in ${clock()}`);
    } finally {
      await database.runScript(`drop database if exists ${name} with (force)`).catch(() => {});
      await database.close();
    }
  },
};
