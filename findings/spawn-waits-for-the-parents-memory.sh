#!/usr/bin/env bash
# On Linux the time of Node's `child_process.spawn` grows with the memory of the process that calls it, and its event loop stands
# still meanwhile.
#
# Expected: a start costs what the child costs, as in Go or in Python since 3.10, which share the parent's memory with the child
# until its `execve` (vfork, CLONE_VFORK). `posix_spawn` of glibc does so as well.
# Seen with Node 24.21.0: libuv calls `fork`, for which the kernel copies the page tables of the whole process. /bin/true from a
# process of 50 MB blocks it for 1.4 ms, from one of 450 MB for 46 ms (on a virtual machine with 4 KB pages; less on others, but
# in about the same ratio). Afterwards, each page that the process writes costs a fault.
# So Longhaul's worker starts agents through a small process.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund node@24.21.0 >&2
cat >try.mjs <<'JS'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
const kept = Array.from({ length: Number(process.argv[2]) }, () => Buffer.alloc(1024 ** 2, 1));
const times = [];
for (let round = 0; round < 31; round++) {
  const startedAt = performance.now();
  const child = spawn('/bin/true', { stdio: 'ignore' });
  times.push(performance.now() - startedAt);
  await once(child, 'exit');
}
console.log(kept.length === 0 ? 'small' : 'large', times.sort((a, b) => a - b)[15].toFixed(2));
JS
node=node_modules/.bin/node
"$node" --version
{
  "$node" try.mjs 0
  "$node" try.mjs 400
} | tee times
awk '{ ms[$1] = $2 } END { exit !(ms["large"] >= 3 * ms["small"]) }' times
echo 'as described: at least three times as long'
