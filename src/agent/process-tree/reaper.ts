import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import inspector from 'node:inspector';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ownIdentity } from '../../core/process-identity.ts';
import { settlesWithin } from '../../core/settles-within.ts';

/** Waits beside its worker, and ends the remaining processes of its attempts when the worker has ended. */
export interface Reaper {
  readonly pid: number | null;
  /** Shows that this process still runs. Call it every second when `maxStallSeconds` is set. */
  beat(): void;
  /** Ends the reaper: the worker stops normally and has ended its attempts itself. */
  dismiss(): Promise<void>;
}

export interface ReaperOptions {
  /**
   * Seconds without a beat after which the reaper ends this process: its event loop stands still, its leases have run
   * out, and another worker may execute its runs. Defaults to null: never.
   */
  readonly maxStallSeconds?: number | null;
}

/** Time within which a dismissed reaper must exit. */
const DISMISSAL_TIMEOUT_MS = 2_000;

/**
 * Reads lines until the pipe ends, or until none has come for `$2` seconds and 3 more: a suspended machine wakes both
 * processes at once, and the beat may be later. Then it runs the sweep. After the beat `wait`, no further beat is
 * expected for any time. A shell without a timeout for `read`, such as dash, only waits for the end of the pipe.
 *
 * The script ignores a signal that goes to every process of the unit: the worker has runs to finish, and may still be
 * killed later.
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
 * Starts a reaper for this process: a shell that reads from a pipe. The kernel ends the pipe whatever kills this
 * process; the shell then runs the sweep, which ends every process with this worker's mark within about half a second.
 * Until then it uses three megabytes and hardly any processor time.
 */
export function startReaper({ maxStallSeconds = null }: ReaperOptions = {}): Reaper {
  const sweep = fileURLToPath(new URL(`./reap${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
  // A pipe of Node is a socket, and bash takes a socket on its standard input for a remote login: it reads ~/.bashrc.
  const [shell, ...options] = existsSync('/bin/bash') ? ['/bin/bash', '--norc'] : ['/bin/sh'];
  const seconds = maxStallSeconds === null ? '' : String(Math.ceil(maxStallSeconds));
  const child = spawn(shell, [...options, '-c', SCRIPT, process.execPath, sweep, seconds, ownIdentity()], {
    // In a separate session: a signal to the worker's process group must not end the reaper too.
    detached: true,
    // The reaper writes to the worker's log when it has ended the worker.
    stdio: ['pipe', 'ignore', maxStallSeconds === null ? 'ignore' : 'inherit'],
    env: { PATH: process.env['PATH'] },
    cwd: '/',
  });
  const exited = once(child, 'exit').catch(() => undefined); // A reaper that could not be started counts as exited.
  // While it lives it has nothing to finish, so it must not keep this process alive.
  child.unref();
  // Without a free file descriptor there is no pipe, and no reaper.
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
