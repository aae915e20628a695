#!/usr/bin/env bash
# Node's `spawn('bash', ['-c', …])` with a piped standard input runs ~/.bashrc.
#
# Expected: a shell that is given a command by `-c` reads no start-up file.
# Seen with Node 20.20.2 and 24.x, GNU bash 5.2.15 (Debian 12): bash reads ~/.bashrc first, and whatever that prints or
# fails with becomes part of the child's output. Reason: libuv makes the pipes of child processes from socket pairs, and
# bash takes a standard input on which getpeername() succeeds for a remote login (rshd, sshd), when SHLVL is below 2.
# It does not with `--norc`, with a standard input that is ignored, or where SHLVL shows a shell above it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'echo from-bashrc\n' >.bashrc
cat >try.cjs <<'JS'
const { spawn } = require('node:child_process');
const run = (name, args, stdio, env) => new Promise((resolve) => {
  const child = spawn('/bin/bash', [...args, '-c', 'echo done'], { stdio, env: { PATH: process.env.PATH, HOME: __dirname, ...env } });
  let out = '';
  child.stdout.on('data', (data) => (out += data));
  child.on('close', () => resolve(console.log(`${name}: ${out.trim().split('\n').join(' ')}`)));
  child.stdin?.end();
});
(async () => {
  await run('pipe', [], ['pipe', 'pipe', 'ignore']);
  await run('pipe, --norc', ['--norc'], ['pipe', 'pipe', 'ignore']);
  await run('ignore', [], ['ignore', 'pipe', 'ignore']);
  await run('pipe, SHLVL=2', [], ['pipe', 'pipe', 'ignore'], { SHLVL: '2' });
})();
JS
bash --version | head -1
node --version
node try.cjs | tee seen
diff seen - <<'EXPECTED'
pipe: from-bashrc done
pipe, --norc: done
ignore: done
pipe, SHLVL=2: done
EXPECTED
echo 'as described'
