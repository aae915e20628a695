import { startRedisServer } from '../../test/support/redis-server.ts';
import { findPostmaster } from '../postgres-server.ts';
import { followPeer, openPeerRun, submitToPeer } from './follow-peer.ts';
import type { Contender, Stack, StackOptions, StartStack } from './peer.ts';
import { openStream } from './read-frames.ts';
import { startLonghaulStack } from './longhaul-stack.ts';
import { startProgram, type RunningProgram } from './start-program.ts';

/** Starts the programs of each contender. */
export const START_STACK: Readonly<Record<Contender, StartStack>> = {
  longhaul: startLonghaulStack,
  sdkHandler: startSdkHandler,
  async bullmq(options) {
    // Durable, as its documentation advises for production.
    const redis = await startRedisServer({ args: ['--appendonly', 'yes'] });
    options.bench.onEnd(() => redis.close());
    const pid = Number(/^process_id:(\d+)/m.exec(String(await redis.send('INFO', 'server')))?.[1]);
    return startQueueStack(options, { name: 'bullmq', variables: { REDIS_URL: redis.url }, backendPid: pid });
  },
  async pgBoss(options) {
    const { LONGHAUL_DATABASE_URL: url = '' } = await options.bench.createDatabase('postgres');
    const variables = { DATABASE_URL: url };
    return startQueueStack(options, { name: 'pg-boss', variables, backendPid: await findPostmaster(url) });
  },
};

/** The directory and the variables of a peer's programs. */
async function prepare({ bench, modelUrl, workspace, isWarm, runBudgetUsd, dayBudgetUsd }: StackOptions) {
  const directory = await bench.makeDirectory('peer');
  const variables = {
    ANTHROPIC_BASE_URL: modelUrl,
    WORKSPACE: workspace,
    WARM: isWarm ? '1' : '0',
    ...(runBudgetUsd !== undefined && { RUN_BUDGET_USD: String(runBudgetUsd) }),
    ...(dayBudgetUsd !== undefined && { DAY_BUDGET_USD: String(dayBudgetUsd) }),
  };
  return { directory, variables };
}

interface QueueStackOptions {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly backendPid: number;
}

/** Starts the server of a peer with a queue. */
async function startQueueStack(options: StackOptions, queue: QueueStackOptions): Promise<Stack> {
  const { bench } = options;
  const prepared = await prepare(options);
  const start = (program: string, variables: Readonly<Record<string, string>>) =>
    startProgram({
      bench,
      program: `${queue.name}-${program}`,
      directory: prepared.directory,
      variables: { ...prepared.variables, ...queue.variables, ...variables },
    });
  const server = await start('server', options.serverVariables ?? {});
  const url = server.url ?? '';
  return {
    isOneProcess: false,
    backendPid: queue.backendPid,
    serverPid: () => server.pid,
    startWorker: (apiKey) => start('worker', { ANTHROPIC_API_KEY: apiKey }),
    async submit(prompt, user = 'ann') {
      const id = await submitToPeer(url, { prompt, user });
      return id === null ? null : { id, follow: async (hear) => followPeer(await openPeerRun(url, id), hear) };
    },
    async openReader(id, hear) {
      void followPeer(await openPeerRun(url, id), hear);
    },
  };
}

/** The handler executes its runs itself, and its answer to a submission is the stream of the run. */
async function startSdkHandler(options: StackOptions): Promise<Stack> {
  const { directory, variables } = await prepare(options);
  let handler: RunningProgram | null = null;
  return {
    isOneProcess: true,
    backendPid: null,
    openReader: null,
    serverPid: () => handler?.pid ?? 0,
    async startWorker(apiKey) {
      const added = { ...options.serverVariables, ANTHROPIC_API_KEY: apiKey };
      handler = await startProgram({
        bench: options.bench,
        program: 'sdk-handler',
        directory,
        variables: { ...variables, ...added },
      });
      return handler;
    },
    async submit(prompt, user = 'ann') {
      const stream = await openStream({
        url: `${handler?.url}/runs`,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt, user }),
      });
      if (stream.statusCode === 402) {
        stream.resume();
        return null;
      }
      if (stream.statusCode !== 200) throw new Error(`A submission was answered with ${stream.statusCode}.`);
      return { id: '', follow: (hear) => followPeer(stream, hear) };
    },
  };
}
