import { styleText } from 'node:util';
import { guarded } from '../core/guard.ts';

/** Where a command writes for people and programs to read. */
export interface Output {
  /** Whether a person watches: what is written may move and have colours. */
  readonly isTerminal: boolean;
  /** Characters in a line. */
  readonly columns: number;
  /** Writes as it is: what comes from outside has to pass `toTerminalText` first. */
  write(text: string): void;
  line(text?: string): void;
  /** `text` styled for a terminal that has colours, else as it is. */
  style(style: Style, text: string): string;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** What a command has around it: all of the process that the commands touch. */
export interface Shell {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts when whoever read the standard output has gone away. */
  readonly readerGone: AbortSignal;
  /** What the process will exit with. */
  exitCode: number;
}

/** The columns of an output that is no terminal. */
const DEFAULT_COLUMNS = 100;

/** The shell around this process. */
export function createShell(): Shell {
  const gone = new AbortController();
  // `longhaul runs | head` ends as quietly as any command does whose reader has seen enough.
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
    // An empty variable counts as unset, as shells and Compose files leave them.
    env: Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')),
    cwd: process.cwd(),
    readerGone: gone.signal,
    exitCode: 0,
  };
}

/** An output over a stream. Colours follow `NO_COLOR`, `FORCE_COLOR` and whether the stream is a terminal. */
export function createOutput(stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }): Output {
  const write = (text: string) => {
    if (stream.writable) stream.write(text);
  };
  return {
    isTerminal: stream.isTTY === true && process.env['TERM'] !== 'dumb',
    get columns() {
      // A terminal that does not know its size says 0.
      return stream.columns || DEFAULT_COLUMNS;
    },
    write,
    line: (text = '') => write(`${text}\n`),
    style: (style, text) => styleText(style, text, { stream }),
  };
}
