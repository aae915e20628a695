#!/usr/bin/env bash
# PGlite's `execProtocolRaw` returns the bytes of an answer, and keeps a parsed copy of each of its messages for ever.
#
# Expected: nothing is kept, because the raw form is for callers that parse the answers themselves.
# Seen with @electric-sql/pglite 0.5.16 on Node 24: 300 answers of 1,000 short rows leave 70 MB on the heap, which the next
# PGlite call that parses (`query`, `exec`) frees; `execProtocolRawStream`, with the same messages, leaves nothing. A process that
# only speaks the protocol, as a socket server in front of PGlite does, grows until it is out of memory. So Longhaul's connection
# to its embedded database uses the stream form.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund node@24.21.0 @electric-sql/pglite@0.5.16 >&2
cat >keep.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite';
const pglite = await PGlite.create();
const text = Buffer.from("select repeat('x', 100) from generate_series(1, 1000)\0");
const message = Buffer.concat([Buffer.from('Q'), Buffer.alloc(4), text]);
message.writeInt32BE(text.length + 4, 1);
const readHeap = () => {
  gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
};
const measure = async (name, ask) => {
  await ask();
  await pglite.exec('select 1');
  const before = readHeap();
  for (let times = 0; times < 300; times++) await ask();
  const after = readHeap();
  console.error(name, Math.round(after - before), 'MB');
  console.log(name, after - before > 30 ? 'keeps the answers' : 'keeps nothing');
  await pglite.exec('select 1');
  console.log('after exec:', readHeap() - before > 30 ? 'kept' : 'freed');
};
await measure('execProtocolRaw', () => pglite.execProtocolRaw(message));
await measure('execProtocolRawStream', () => pglite.execProtocolRawStream(message, { onRawData: () => {} }));
await pglite.close();
JS
node_modules/.bin/node --expose-gc keep.mjs | tee seen
diff seen - <<'EXPECTED'
execProtocolRaw keeps the answers
after exec: freed
execProtocolRawStream keeps nothing
after exec: freed
EXPECTED
echo 'as described'
