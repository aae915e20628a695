import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { listProcesses } from '../agent/process-tree/process-table.ts';
import { guarded } from '../core/guard.ts';
import type { DrillConfigOptions } from './drill-config.ts';

/** A process of a drill, as `src/cli/drill-process.ts` gets it in its argument. */
export interface ProcessSpec extends DrillConfigOptions {
  readonly roles: readonly ('server' | 'worker')[];
  /** The deployment's configuration file; null for the one in the working directory. */
  readonly file: string | null;
  readonly port: number;
  /** Null: the process is no guest, because its database belongs to the drill. */
  readonly onlyAgents: readonly string[] | null;
}

/** A started process of a drill. */
export interface DrillProcess {
  readonly pid: number;
  /** The line of JSON in which it reported its start. */
  readonly announced: { readonly url: string | null; readonly adminKeyFile: string | null };
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
  /** Finds the living processes of its attempts. */
  findAttemptPids(): Promise<number[]>;
}

const ENTRY = fileURLToPath(
  new URL(`../cli/drill-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

/** Characters of its log that are kept for the report of a failed start. */
const KEPT_LOG = 2_000;

interface StartOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Starts a process with the variables of the deployment. Resolves when it has started. */
export async function startProcess(spec: ProcessSpec, { cwd, env, signal }: StartOptions): Promise<DrillProcess> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [...process.execArgv, ENTRY, JSON.stringify(spec)], {
    cwd,
    env: { ...env, LONGHAUL_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A Ctrl-C in the terminal goes to the drill alone, which ends its processes.
    detached: true,
  });
  let [output, log] = ['', ''];
  const started = Promise.withResolvers<DrillProcess['announced']>();
  child.stdout.setEncoding('utf8').on(
    'data',
    guarded((text: string) => {
      output += text;
      const line = /^\{.*\}$/m.exec(output)?.[0];
      if (line !== undefined) started.resolve(JSON.parse(line) as DrillProcess['announced']);
    }),
  );
  child.stderr.setEncoding('utf8').on(
    'data',
    guarded((text: string) => (log = (log + text).slice(-KEPT_LOG))),
  );
  const ended = (async () => {
    const [code, by] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    started.reject(new Error(`a process of the drill ended with ${code ?? by} instead of starting: ${log.trim()}`));
    return { code, signal: by };
  })();
  const onAbort = guarded(() => started.reject(new Error('a process of the drill did not start in time')));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const announced = await started.promise;
    const pid = child.pid ?? 0;
    return {
      pid,
      announced,
      ended,
      kill(name) {
        child.kill(name);
      },
      async findAttemptPids() {
        const mark = `${pid}:`;
        return (await listProcesses()).filter(({ worker }) => worker?.startsWith(mark)).map((entry) => entry.pid);
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    // The exit is reported by `ended`; nobody may wait for the start then.
    started.promise.catch(() => {});
  }
}
