import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import inspector from 'node:inspector';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ownIdentity } from '../core/process-identity.ts';
import { settlesWithin } from '../core/settles-within.ts';

/** Waits beside its worker, and ends what is left of the worker's attempts when the worker is gone. */
export interface Reaper {
  readonly pid: number | null;
  /** Shows that this process still does something. To be called every second when `maxStallSeconds` is set. */
  beat(): void;
  /** Sends it away: the worker leaves in good order and has ended its attempts itself. */
  dismiss(): Promise<void>;
}

export interface ReaperOptions {
  /**
   * How long this process may go without a beat before the reaper ends it: its event loop stands still, its leases have
   * run out, and what it still executes is another worker's by now. Defaults to null: it is never ended.
   */
  readonly maxStallSeconds?: number | null;
}

/** How long a dismissed reaper may take to go. */
const DISMISSAL_TIMEOUT_MS = 2_000;

/**
 * Reads lines until the pipe ends, or until none has come for `$2` seconds and 3 more: a machine that was suspended wakes
 * both processes at once, and the beat may be the later one. Then it runs the sweep. `wait` is a beat after which there
 * may be none for any time. A shell without a timeout for `read`, such as dash, waits for the end of the pipe alone.
 *
 * It ignores a signal that goes to every process of the unit: the worker has runs to finish, and may be killed after all.
 */
const SCRIPT = `
trap '' TERM INT HUP
[ -n "$2" ] && [ -z "$( (read -r -t 1 line) 2>&1 </dev/null )" ] && timeout="-t $2"
limit=$timeout
while :; do
  if read -r $limit line || { [ -n "$limit" ] && read -r -t 3 line; }; then
    case $line in leave) exit 0 ;; wait) limit= ;; *) limit=$timeout ;; esac
  else
    exec "$0" "$1" "$3"
  fi
done`;

/**
 * Starts a reaper for this process: a shell that reads from a pipe. The pipe's end, which the kernel brings about whatever
 * this process dies of, makes it run the sweep, which ends every process marked as this worker's within about half a
 * second. Until then it costs three megabytes and hardly any time.
 */
export function startReaper({ maxStallSeconds = null }: ReaperOptions = {}): Reaper {
  const sweep = fileURLToPath(new URL(`./reap${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
  // A pipe of Node's is a socket, and bash takes a socket on its standard input for a remote login: it reads ~/.bashrc.
  const [shell, ...options] = existsSync('/bin/bash') ? ['/bin/bash', '--norc'] : ['/bin/sh'];
  const seconds = maxStallSeconds === null ? '' : String(Math.ceil(maxStallSeconds));
  const child = spawn(shell, [...options, '-c', SCRIPT, process.execPath, sweep, seconds, ownIdentity()], {
    // In a session of its own: what ends the worker's process group is not to end this one with it.
    detached: true,
    // It says where the worker's log goes that it has ended the worker.
    stdio: ['pipe', 'ignore', maxStallSeconds === null ? 'ignore' : 'inherit'],
    env: { PATH: process.env['PATH'] },
    cwd: '/',
  });
  const exited = once(child, 'exit').catch(() => undefined); // One that could not be started has exited.
  // It ends nothing while it lives, so it is no reason for this process to stay.
  child.unref();
  // Where no file descriptor is left there is no pipe, and no reaper.
  const pipe = child.stdin as (Writable & { unref?: () => void }) | undefined;
  pipe?.on('error', () => undefined);
  pipe?.unref?.();
  return {
    pid: child.pid ?? null,
    beat() {
      // A debugger may stop the event loop for as long as a person thinks.
      pipe?.write(inspector.url() === undefined ? 'beat\n' : 'wait\n');
    },
    async dismiss() {
      pipe?.end('leave\n');
      await settlesWithin(exited, DISMISSAL_TIMEOUT_MS);
    },
  };
}
