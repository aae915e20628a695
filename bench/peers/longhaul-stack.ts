import type { IncomingMessage } from 'node:http';
import { createTextReader, LonghaulApiError, type LonghaulEvent } from '../../src/client/client.ts';
import type { LonghaulConfig } from '../../src/config/schema.ts';
import { findPostmaster } from '../postgres-server.ts';
import { AGENT, startLonghaul, startWorker, type RunningLonghaul } from '../start-longhaul.ts';
import type { FollowedRun, HeardEvent, Stack, StackOptions } from './peer.ts';
import { openStream, readFrames } from './read-frames.ts';

/** As the peers have it. */
const MAX_TURNS = 50;

/** Starts `longhaul server` on PostgreSQL; its workers are separate processes. */
export async function startLonghaulStack(options: StackOptions): Promise<Stack> {
  const { bench, modelUrl, workspace, isWarm, runBudgetUsd = 1, dayBudgetUsd } = options;
  const database = await bench.createDatabase('postgres');
  const variables = { ...database, ANTHROPIC_BASE_URL: modelUrl };
  const agent: Partial<LonghaulConfig['agents'][string]> = {
    workspace,
    limits: { maxBudgetUsd: runBudgetUsd, maxTurns: MAX_TURNS },
    ...(!isWarm && { prewarm: false }),
  };
  const limits = {
    perUser: { runsPerMinute: false as const },
    ...(dayBudgetUsd !== undefined && { global: { usdPerDay: dayBudgetUsd } }),
  };
  const server = await startLonghaul({
    bench,
    command: 'server',
    agent,
    limits,
    variables: { ...variables, ANTHROPIC_API_KEY: 'server', ...options.serverVariables },
  });
  return {
    isOneProcess: false,
    backendPid: await findPostmaster(database['LONGHAUL_DATABASE_URL'] ?? ''),
    serverPid: () => server.pid,
    startWorker: (apiKey) =>
      startWorker({ bench, agent, limits, variables: { ...variables, ANTHROPIC_API_KEY: apiKey } }),
    async submit(prompt, user = 'ann') {
      try {
        const { id } = await server.client.submit({ agent: AGENT, prompt, user });
        return { id, follow: async (hear) => followLonghaul(await openRun(server, id), hear) };
      } catch (error) {
        if (error instanceof LonghaulApiError && error.code === 'global_budget') return null;
        throw error;
      }
    },
    async openReader(id, hear) {
      void followLonghaul(await openRun(server, id), hear);
    },
  };
}

async function openRun({ url, headers }: RunningLonghaul, id: string): Promise<IncomingMessage> {
  const stream = await openStream({ url: `${url}/v1/runs/${id}/events`, headers });
  if (stream.statusCode !== 200) throw new Error(`A reader was answered with ${stream.statusCode}.`);
  return stream;
}

/** Follows a run without resuming, as the other contenders are followed. */
async function followLonghaul(
  stream: IncomingMessage,
  hear: (event: HeardEvent) => void = () => {},
): Promise<FollowedRun> {
  const reader = createTextReader();
  let isSuccess: boolean | null = null;
  await readFrames(stream, ({ event: type, data }) => {
    const event = { type, ...(JSON.parse(data) as object) } as LonghaulEvent;
    reader.push(event);
    if (event.type === 'agent.text.delta') hear({ type: 'text', text: event.data.text });
    if (event.type === 'run.succeeded' || event.type === 'run.failed' || event.type === 'run.cancelled') {
      isSuccess = event.type === 'run.succeeded';
      hear({ type: 'ended', isSuccess });
    }
  });
  return { text: reader.text, isSuccess };
}
