import { spawnSync } from 'node:child_process';

/** True if Prometheus's checker is installed, from Debian's package `prometheus`. */
export const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

if (!hasPromtool) {
  const message = 'promtool is not installed (apt-get install prometheus): metrics, rules and panels are not checked.';
  // A machine that decides on merging must check everything.
  if (process.env['CI'] !== undefined) throw new Error(message);
  console.warn(message);
}

/** Runs promtool. Returns everything it printed; throws with that when it found a fault. */
export function promtool(args: readonly string[], { input = '', cwd }: { input?: string; cwd?: string } = {}): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`promtool ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}
