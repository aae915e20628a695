import type { SpawnedProcess } from '@anthropic-ai/claude-agent-sdk';
import type { Readable, Writable } from 'node:stream';

/** A command to start, with `streamCount` pipes: its standard streams, and those after them. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly streamCount: number;
}

/** A child process, as Node's `ChildProcess` and as the spawner's. Its streams exist at once, also if the start fails. */
export interface Child extends SpawnedProcess {
  /** Undefined before the event `spawn`. */
  readonly pid?: number | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly signalCode: NodeJS.Signals | null;
  /** Its streams, by file descriptor. */
  readonly stdio: readonly (Readable | Writable | null | undefined)[];
  once(event: 'exit', listener: (code: number | null, signal: NodeJS.Signals | null) => void): this;
  once(event: 'error', listener: (error: Error) => void): this;
  /** `spawn`: it has started. `close`: it has ended, and so have its output streams. */
  once(event: 'spawn' | 'close', listener: () => void): this;
}
