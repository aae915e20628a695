import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import type { RunningProcess } from './peer.ts';

const STOP_TIMEOUT_MS = 5_000;

interface ProgramOptions {
  readonly bench: Bench;
  /** The name of a file of `programs/`, without its ending. */
  readonly program: string;
  /** Its home, temporary and working directory. */
  readonly directory: string;
  readonly variables: Readonly<Record<string, string>>;
}

export interface RunningProgram extends RunningProcess {
  /** The address of a server; null for a worker. */
  readonly url: string | null;
}

/** Starts a program of a peer; resolves once it answers, or takes jobs. */
export async function startProgram({ bench, program, directory, variables }: ProgramOptions): Promise<RunningProgram> {
  const file = fileURLToPath(new URL(`programs/${program}.ts`, import.meta.url));
  const usual = { HOME: directory, TMPDIR: directory, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' };
  const child = spawn(process.execPath, [file], {
    cwd: directory,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...usual, ...variables },
    // Failures are a part of what is measured: the peers log them.
    stdio: ['ignore', 'pipe', process.env['LONGHAUL_BENCH_LOG'] === undefined ? 'ignore' : 'inherit'],
    // A Ctrl-C goes to the bench, which then ends this process.
    detached: true,
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };
  bench.onEnd(stop);
  const died = exited.then(() => {
    throw new Error(`The program ${program} ended before it was ready.`);
  });
  const [line] = (await Promise.race([once(child.stdout, 'data'), died])) as [Buffer];
  return { pid: child.pid ?? 0, stop, ...(JSON.parse(line.toString()) as { url: string | null }) };
}
