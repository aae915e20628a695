import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { guarded } from '../../core/guard.ts';
import { settlesWithin } from '../../core/settles-within.ts';
import { after } from '../../core/timers.ts';
import type { Child, Command } from './child.ts';
import type { Report, Request } from './messages.ts';
import { SpawnedChild } from './spawned-child.ts';
import { startChild } from './start-child.ts';

/** Starts child processes, each in a separate session. */
export interface Spawner {
  /** Starts a command. A failed start is the event `error` of the child. */
  start(command: Command): Child;
  /** Ends the spawner. Its children that are tied to their parent end with it. */
  close(): Promise<void>;
}

/** Time within which a child must have started. Only a spawner that stands still needs more. */
const START_TIMEOUT_MS = 30_000;

/** Time within which a dismissed spawner must exit. */
const CLOSE_TIMEOUT_MS = 2_000;

const PROGRAM = fileURLToPath(
  new URL(`./spawner-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

/**
 * Creates a spawner: a small process that starts the children of this one.
 *
 * Node starts a child with `fork`, which copies the page tables of the whole process on the thread of the event loop. From a
 * process of 450 MB that took 46 ms, from one of 150 MB 17, and from the spawner's 50 MB 1.4 (measured on a virtual machine;
 * others copy faster). Meanwhile no request is answered and no event is sent, and afterwards each page that is written
 * costs a fault.
 *
 * The child's pipes are sent to this process, so that nothing passes through the spawner. A child that is to die with its
 * parent dies with the spawner, which ends with this process. The first start begins the spawner, which takes about 0.1 s once.
 * If it dies alone, its children die too; then, and when it does not answer, the next start begins another one.
 */
export function createSpawner({ startTimeoutMs = START_TIMEOUT_MS } = {}): Spawner {
  let helper: Helper | null = null;
  const begun: Helper[] = [];

  return {
    start(command) {
      if (helper?.isUsable !== true) begun.push((helper = startHelper(startTimeoutMs)));
      return helper.start(command);
    },
    async close() {
      await Promise.all(begun.splice(0).map((one) => one.close()));
      helper = null;
    },
  };
}

interface Helper extends Spawner {
  /** True while it answers. */
  readonly isUsable: boolean;
}

function startHelper(startTimeoutMs: number): Helper {
  const children = new Map<number, SpawnedChild>();
  let lastId = 0;
  let answers = true;
  const helper = spawn(process.execPath, [PROGRAM], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'] },
    cwd: '/',
    // In a separate session: a signal to the worker's process group must not end its children.
    detached: true,
  });
  const ended = untilEnded(helper).then((failure) => {
    answers = false;
    for (const child of children.values()) child.abandon(failure);
    children.clear();
  });
  const receive = guarded((report: Report, pipe: unknown) => {
    children.get(report.id)?.receive(report, pipe instanceof Socket ? pipe : undefined);
    if (report.kind !== 'exited' && report.kind !== 'failed') return;
    children.delete(report.id);
    if (children.size === 0) helper.channel?.unref();
  });
  helper.on('message', receive);
  // Like a child, it keeps this process alive only while something runs.
  helper.unref();
  helper.channel?.unref();

  return {
    get isUsable() {
      return answers && helper.connected;
    },
    start(command) {
      const id = ++lastId;
      const child = new SpawnedChild(command);
      children.set(id, child);
      const overdue = after(startTimeoutMs, () => {
        answers = false;
        child.abandon(new Error(`spawn: nothing was started within ${startTimeoutMs / 1_000} s`));
      });
      child.once('spawn', () => clearTimeout(overdue));
      child.once('error', () => clearTimeout(overdue));
      helper.channel?.ref();
      // A failure to send ends the channel, and then the helper: `abandon` reports it.
      helper.send({ id, ...command } satisfies Request, () => undefined);
      return child;
    },
    async close() {
      if (helper.connected) helper.disconnect();
      await settlesWithin(ended, CLOSE_TIMEOUT_MS);
    },
  };
}

/** Resolves when a process has ended, with the reason when it could not be started. */
function untilEnded(child: ChildProcess): Promise<Error | null> {
  return new Promise((resolve) => {
    child.once('error', resolve);
    child.once(
      'exit',
      guarded(() => resolve(null)),
    );
  });
}

/** Creates what starts a worker's children on this system: where Node copies no process to start one, the worker itself. */
export function openSpawner(): Spawner {
  return process.platform === 'linux' ? createSpawner() : directSpawner;
}

/** Starts children of this process itself. */
export const directSpawner: Spawner = {
  start(command) {
    const child = startChild(command);
    if (hasPipes(child)) return child;
    // A failed start is reported by an event, and without a listener that event ends the worker.
    child.once('error', () => undefined);
    throw notStarted(command.command);
  },
  async close() {},
};

/** Without a free file descriptor there are no pipes, whatever the types say. */
function hasPipes(child: ChildProcess): child is ChildProcessByStdio<Writable, Readable, Readable> {
  const { stdin, stdout, stderr }: Partial<ChildProcess> = child;
  return [stdin, stdout, stderr].every((pipe) => pipe !== undefined && pipe !== null);
}

/** Builds the system's own error: only then Node makes no pipes (lib/internal/child_process.js). */
function notStarted(command: string): Error {
  const message = `spawn ${command}: no file descriptor is left for it (EMFILE)`;
  return Object.assign(new Error(message), { code: 'EMFILE', syscall: 'spawn' });
}
