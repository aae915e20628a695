import { styleText } from 'node:util';
import { guarded } from '../core/guard.ts';

/** Output of a command, for people and programs. */
export interface Output {
  /** True when a person watches: the output may move and have colours. */
  readonly isTerminal: boolean;
  /** Characters in a line. */
  readonly columns: number;
  /** Writes text unchanged: text from outside has to pass through `toTerminalText` first. */
  write(text: string): void;
  line(text?: string): void;
  /** Returns `text` styled for a terminal with colours, else unchanged. */
  style(style: Style, text: string): string;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** The environment of a command: every part of the process that commands use. */
export interface Shell {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts when the reader of standard output is gone. */
  readonly readerGone: AbortSignal;
  /** Exit code of the process. */
  exitCode: number;
}

/** Columns of an output that is not a terminal. */
const DEFAULT_COLUMNS = 100;

/** Creates the shell of this process. */
export function createShell(): Shell {
  const gone = new AbortController();
  // `longhaul runs | head` ends quietly, like other commands, when the reader has read enough.
  const onOutputLost = guarded((error: NodeJS.ErrnoException) => {
    if (!gone.signal.aborted && error.code !== 'EPIPE') stderr.line(`longhaul: output was lost: ${error.message}`);
    gone.abort();
  });
  process.stdout.on('error', onOutputLost);
  process.stderr.on('error', () => {});
  const stderr = createOutput(process.stderr);
  return {
    stdout: createOutput(process.stdout),
    stderr,
    get stdin() {
      return process.stdin; // Only touched when asked for: it may be closed.
    },
    // An empty variable counts as unset: shells and Compose files leave such variables.
    env: Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')),
    cwd: process.cwd(),
    readerGone: gone.signal,
    exitCode: 0,
  };
}

/** Creates an output for a stream. Colours follow `NO_COLOR`, `FORCE_COLOR` and whether the stream is a terminal. */
export function createOutput(stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }): Output {
  const write = (text: string) => {
    if (stream.writable) stream.write(text);
  };
  return {
    isTerminal: stream.isTTY === true && process.env['TERM'] !== 'dumb',
    get columns() {
      // A terminal that does not know its size reports 0.
      return stream.columns || DEFAULT_COLUMNS;
    },
    write,
    line: (text = '') => write(`${text}\n`),
    style: (style, text) => styleText(style, text, { stream }),
  };
}
