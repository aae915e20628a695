import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { PassThrough, pipeline } from 'node:stream';
import { guarded } from '../../core/guard.ts';
import type { Child, Command } from './child.ts';
import type { Report } from './messages.ts';

interface Events {
  spawn: [];
  exit: [code: number | null, signal: NodeJS.Signals | null];
  error: [error: Error];
  close: [];
}

/** A child of the spawner. Its streams lead to pipes that arrive a moment after its start. */
export class SpawnedChild extends EventEmitter<Events> implements Child {
  pid: number | undefined;
  exitCode: number | null = null;
  signalCode: NodeJS.Signals | null = null;
  killed = false;
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly stdio: readonly PassThrough[];
  #hasExited = false;
  /** The output streams that have not ended. */
  readonly #open = new Set<PassThrough>();
  /** The pipes that have arrived, by file descriptor. */
  readonly #pipes = new Map<number, Socket>();
  /** A signal that was sent before the pid was known. */
  #pendingSignal: NodeJS.Signals | null = null;

  constructor({ streamCount }: Pick<Command, 'streamCount'>) {
    super();
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.stdio = [stdin, stdout, stderr, ...Array.from({ length: streamCount - 3 }, () => new PassThrough())];
    for (const output of [stdout, stderr]) {
      this.#open.add(output);
      output.once(
        'close',
        guarded(() => this.#noteClosed(output)),
      );
    }
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    if (this.#hasExited) return false;
    this.killed = true;
    if (this.pid === undefined) this.#pendingSignal = signal;
    return this.pid === undefined || sendSignal(this.pid, signal);
  }

  /** Takes a report of the spawner, with the pipe that came with it. */
  receive(report: Report, pipe: Socket | undefined): void {
    switch (report.kind) {
      case 'started':
        this.#noteStarted(report.pid);
        return;
      case 'stream':
        if (pipe !== undefined) this.#keep(report.fd, pipe);
        return;
      case 'exited':
        this.#end(report.exitCode, report.signal);
        return;
      case 'failed':
        this.#fail(Object.assign(new Error(report.message), { code: report.code, syscall: report.syscall }));
    }
  }

  /** Notes that it has ended. */
  #end(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.exitCode = exitCode;
    this.signalCode = signal;
    this.emit('exit', exitCode, signal);
    // As Node does: output that nobody reads must not keep it from closing.
    for (const output of this.#open) output.resume();
    if (this.#open.size === 0) this.emit('close');
  }

  /** Gives it up: the spawner, its parent, has ended, could not be started, or does not answer. */
  abandon(failure: Error | null): void {
    if (this.pid === undefined) {
      this.#fail(failure ?? new Error('spawn: the process that starts others has ended'));
      return;
    }
    sendSignal(this.pid, 'SIGKILL');
    this.#end(null, 'SIGKILL');
  }

  /** Notes that it could not be started. */
  #fail(error: Error): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    for (const stream of this.stdio) stream.destroy();
    this.emit('error', error);
  }

  #keep(fd: number, pipe: Socket): void {
    // A child that has ended already resets a pipe. Without a listener that would end this process.
    pipe.on('error', () => undefined);
    this.#pipes.set(fd, pipe);
  }

  /** Connects its streams, so that nothing is heard of it before it counts as started. */
  #noteStarted(pid: number): void {
    this.pid = pid;
    const isComplete = this.#pipes.size === this.stdio.length;
    // A child that started too late has failed already.
    if (!isComplete || this.#hasExited) {
      sendSignal(pid, 'SIGKILL');
      for (const pipe of this.#pipes.values()) pipe.destroy();
      this.#fail(Object.assign(new Error('spawn: no file descriptor is left for its pipes (EMFILE)'), NO_DESCRIPTOR));
      return;
    }
    if (this.#pendingSignal !== null) sendSignal(pid, this.#pendingSignal);
    this.emit('spawn');
    for (const [fd, pipe] of this.#pipes) connect(this.stdio[fd]!, { pipe, isOutput: fd === 1 || fd === 2 });
  }

  #noteClosed(output: PassThrough): void {
    this.#open.delete(output);
    if (this.#open.size === 0 && this.#hasExited) this.emit('close');
  }
}

/** Connects a stream with its pipe. An error destroys both, and the user of the stream hears of it. */
function connect(stream: PassThrough, { pipe, isOutput }: { pipe: Socket; isOutput: boolean }): void {
  if (isOutput) pipeline(pipe, stream, () => undefined);
  else if (pipe.destroyed) stream.destroy();
  else pipeline(stream, pipe, () => undefined);
}

const NO_DESCRIPTOR = { code: 'EMFILE', syscall: 'spawn' };

function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // The process has ended.
  }
}
