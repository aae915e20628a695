#!/usr/bin/env bash
# A Request that is made from another is no longer aborted once the other was garbage-collected.
#
# Expected: `new Request(url, original)` follows the signal of the original for as long as somebody holds the copy (Fetch
# standard, "dependent abort signal").
# Seen with Node 24.21.0: while something holds the original, aborting its controller aborts the copy. When only the copy is
# held, as in a server that rewrites the URL of a request and passes the copy on, its signal never aborts.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund node@24.21.0 >&2
cat >try.mjs <<'JS'
import { setTimeout as delay } from 'node:timers/promises';
const kept = [];
async function abortAfterCollection(isKept) {
  const controller = new AbortController();
  const copy = copyOf(controller.signal, isKept);
  for (let times = 0; times < 5; times++) {
    globalThis.gc();
    await delay(10);
  }
  controller.abort();
  await delay(10);
  return copy.signal.aborted;
}
function copyOf(signal, isKept) {
  const original = new Request('http://host.example/prefix/path', { signal });
  if (isKept) kept.push(original);
  return new Request('http://host.example/path', original);
}
console.log(`the original is held: the copy is aborted: ${await abortAfterCollection(true)}`);
console.log(`the original is collected: the copy is aborted: ${await abortAfterCollection(false)}`);
JS
./node_modules/.bin/node --expose-gc try.mjs | tee seen
diff seen - <<'EXPECTED'
the original is held: the copy is aborted: true
the original is collected: the copy is aborted: false
EXPECTED
