import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { settlesWithin } from '../core/settles-within.ts';

/** Waits beside its worker, and ends what is left of the worker's attempts when that is killed. */
export interface Reaper {
  readonly pid: number | null;
  /** Sends it away: the worker leaves in good order and has ended its attempts itself. */
  dismiss(): Promise<void>;
}

/** A signal to every process of the unit is for the worker: it has runs to finish, and may be killed after all. */
const REAPER = `trap '' TERM INT HUP; read -r dismissal || exec "$0" "$@"`;

/** How long a dismissed reaper may take to go. */
const DISMISSAL_TIMEOUT_MS = 2_000;

/**
 * Starts a reaper for this process. It is a shell that waits for one line on a pipe: the line dismisses it; the
 * pipe's end, which the kernel brings about whatever this process dies of, makes it run the sweep, which ends
 * every process marked as this worker's within about half a second. Until then it costs a megabyte and no time.
 */
export function startReaper(): Reaper {
  const sweep = fileURLToPath(new URL(`./reap${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
  const child = spawn('/bin/sh', ['-c', REAPER, process.execPath, sweep], {
    // In a session of its own: what ends the worker's process group is not to end this one with it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'] },
    cwd: '/',
  });
  const exited = once(child, 'exit').catch(() => undefined); // One that could not be started has exited.
  // It ends nothing while it lives, so it is no reason for this process to stay.
  child.unref();
  // Without a file descriptor to spare it has none, and does not live.
  const pipe = child.stdin as (Writable & { unref?: () => void }) | undefined;
  pipe?.on('error', () => undefined);
  pipe?.unref?.();
  return {
    pid: child.pid ?? null,
    async dismiss() {
      pipe?.end('leave\n');
      await settlesWithin(exited, DISMISSAL_TIMEOUT_MS);
    },
  };
}
