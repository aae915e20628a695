#!/usr/bin/env bash
# PGlite reports autovacuum = on, and nothing is ever vacuumed: rows that were deleted make no room, and tables grow for ever.
#
# Expected: autovacuum as the setting says, or a setting that says off. PGlite is PostgreSQL in one process, without the launcher.
# Seen with @electric-sql/pglite 0.5.16: 20 rounds in which all 1,000 rows are deleted and as many inserted leave a table 19
# times as large, also 3 s after autovacuum_naptime = 1. With `vacuum` after each round it stays as large as two rounds. So
# Longhaul's worker vacuums the embedded database.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund node@24.21.0 @electric-sql/pglite@0.5.16 >&2
cat >grow.mjs <<'JS'
import { setTimeout } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
const pglite = await PGlite.create();
const read = async (text) => Object.values((await pglite.query(text)).rows[0])[0];
const readSize = () => read("select pg_relation_size('grown')::int");
await pglite.exec('alter system set autovacuum_naptime = 1');
await pglite.exec('select pg_reload_conf()');
console.log('autovacuum', await read("select current_setting('autovacuum')"));
for (const vacuum of [null, 'vacuum grown']) {
  await pglite.exec('create table grown (text text)');
  let first;
  for (let round = 0; round < 20; round++) {
    await pglite.exec('delete from grown');
    await pglite.exec("insert into grown select repeat('x', 100) from generate_series(1, 1000)");
    if (vacuum !== null) await pglite.exec(vacuum);
    first ??= await readSize();
  }
  if (vacuum === null) await setTimeout(3_000);
  const count = await read("select autovacuum_count::int from pg_stat_user_tables where relname = 'grown'");
  const growth = (await readSize()) / first;
  console.error(vacuum ?? 'nothing', 'times as large:', growth);
  console.log(`${vacuum ?? 'nothing'}: ${growth > 10 ? 'grows' : 'stays small'}, autovacuums: ${count}`);
  await pglite.exec('drop table grown');
}
await pglite.close();
JS
node_modules/.bin/node grow.mjs | tee seen
diff seen - <<'EXPECTED'
autovacuum on
nothing: grows, autovacuums: 0
vacuum grown: stays small, autovacuums: 0
EXPECTED
echo 'as described'
