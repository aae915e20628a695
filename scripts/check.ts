import { spawnSync } from 'node:child_process';

// Everything a change has to pass, cheapest first; stops at the first that fails. With `--static`, all but the tests.

const steps = [
  ['format', ['oxfmt', '--check']],
  ['language', ['node', 'scripts/check-language.ts']],
  ['lint', ['oxlint', '--type-aware', '--deny-warnings']],
  ['types', ['tsc', '-p', '.']],
  ['types of the dashboard', ['tsc', '-p', 'dashboard']],
  ['unused code', ['knip']],
  ['code that only tests use', ['knip', '--production']],
  ['package', ['node', 'scripts/check-package.ts']],
  ...(process.argv.includes('--static') ? [] : [['tests', ['vitest', 'run']] as const]),
] as const;

for (const [name, [command, ...args]] of steps) {
  const startedAt = performance.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) process.exit(status ?? 1);
}
