import type { Config } from '../config/config.ts';
import { settlesWithin } from '../core/settles-within.ts';
import type { DrillAgent } from './drill-config.ts';
import { startProcess, type DrillProcess } from './drill-process.ts';

/** Longest time that a stopped process may take to end before it is killed, in ms. */
const END_TIMEOUT_MS = 10_000;

interface ProcessesOptions {
  /** The deployment's configuration. */
  readonly config: Config;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly modelUrl: string;
  readonly directory: string;
}

/** Starts processes of a drill, and ends all of them. */
export function createProcesses({ config, cwd, env, signal, modelUrl, directory }: ProcessesOptions) {
  const started: DrillProcess[] = [];
  const starts = new Set<Promise<unknown>>();
  /** Aborts at the end: a start in progress then ends its process. */
  const ending = new AbortController();
  const common = { modelUrl, directory, file: config.file };
  const start = async (spec: Parameters<typeof startProcess>[0]) => {
    const starting = startProcess(spec, { cwd, env, signal: AbortSignal.any([signal, ending.signal]) });
    starts.add(starting);
    const one = await starting;
    started.push(one);
    return one;
  };
  const startWorker = (agent: DrillAgent, { restartAboveMb }: { readonly restartAboveMb?: number } = {}) =>
    start({ ...common, roles: ['worker'], port: 0, onlyAgents: [agent], restartAboveMb });
  return {
    startWorker,
    startAll: (port: number) => start({ ...common, roles: ['server', 'worker'], port, onlyAgents: null }),
    async endAll() {
      ending.abort();
      await Promise.allSettled(starts);
      // The first signal drains, the second ends at once: no run of the drill is worth a wait.
      for (const signal of ['SIGTERM', 'SIGTERM'] as const) for (const one of started) one.kill(signal);
      const ends = Promise.all(started.map(({ ended }) => ended));
      if (!(await settlesWithin(ends, END_TIMEOUT_MS))) for (const one of started) one.kill('SIGKILL');
      await ends;
    },
  };
}
