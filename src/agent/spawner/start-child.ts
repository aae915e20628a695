import { spawn, type ChildProcess } from 'node:child_process';
import type { Command } from './child.ts';

/** Starts a command as a child of this process, in a separate session. Without a free file descriptor it has no streams. */
export function startChild({ command, args, cwd, env, streamCount }: Command): ChildProcess {
  const stdio = Array.from({ length: streamCount }, () => 'pipe' as const);
  return spawn(command, args, { cwd, env, stdio, detached: true });
}
