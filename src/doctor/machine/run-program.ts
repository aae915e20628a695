import { execFile } from 'node:child_process';

/** The end of a program. `code` is null when it could not be started, or was killed. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly signal: AbortSignal;
  /** Its whole environment. Defaults to `PATH` alone. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for its standard input. Secrets belong here: other users can read arguments. */
  readonly input?: string;
}

/** Runs a program to its end. Never rejects. */
export function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<ProgramEnd> {
  const { signal, env = { PATH: process.env['PATH'] ?? '' }, cwd, input = '' } = options;
  return new Promise((resolve) => {
    const child = execFile(
      file,
      [...args],
      { signal, env, timeout: 8_000, maxBuffer: 1_000_000, ...(cwd !== undefined && { cwd }) },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.on('error', () => {}); // The program may end before it reads its input.
    child.stdin?.end(input);
  });
}
