import { Socket } from 'node:net';
import { guarded } from '../../core/guard.ts';
import type { Request, Report } from './messages.ts';
import { startChild } from './start-child.ts';

// The process of the spawner: see `spawner.ts`. It imports little, to stay small.

/** Reports to the worker; a worker that has died needs no report. */
function report(message: Report, stream?: Socket): void {
  if (process.connected) process.send?.(message, stream, {}, () => undefined);
}

function receive(request: Request): void {
  try {
    start(request);
  } catch (error) {
    reportFailure(request.id, error as Error); // Node rejects the command itself.
  }
}

function reportFailure(id: number, { message, code, syscall }: NodeJS.ErrnoException): void {
  report({ kind: 'failed', id, message, code, syscall });
}

function start({ id, ...command }: Request): void {
  const child = startChild(command);
  child.once(
    'error',
    guarded((error) => reportFailure(id, error)),
  );
  child.once(
    'exit',
    guarded((exitCode, signal) => report({ kind: 'exited', id, exitCode, signal })),
  );
  if (child.pid === undefined) return; // 'error' reports it.
  for (const [fd, stream] of child.stdio.entries()) if (stream instanceof Socket) handOver(id, fd, stream);
  report({ kind: 'started', id, pid: child.pid });
}

/** Passes a stream to the worker. Node must not read it here: until the worker has it, the socket keeps the output. */
function handOver(id: number, fd: number, stream: Socket & { _handle?: { readStop(): void } | null }): void {
  const { _handle: handle } = stream;
  handle?.readStop();
  report({ kind: 'stream', id, fd }, stream);
}

process.title = 'longhaul-spawner';
process.on('message', guarded(receive as (message: unknown) => void));
// The worker has ended: the children that are tied to their parent end with this process, the reaper ends the others.
const leave = guarded(() => process.exit());
process.once('disconnect', leave);
// A signal to every process of the unit is the worker's to handle: it has runs to finish.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
