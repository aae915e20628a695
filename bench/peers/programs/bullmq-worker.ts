// The worker of an application with BullMQ and the Agent SDK: runs jobs in its slots, publishes their progress, retries
// what another try may mend, and finishes its runs after a SIGTERM.
import { UnrecoverableError, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { AgentError, createAgent } from './agent.ts';
import { addSpending, channelOf, isBudgetSpent, QUEUE, type RunData, type RunResult } from './bullmq-queue.ts';
import type { RunEvent } from './event-stream.ts';
import { announceWorker, onStopSignal } from './listen.ts';
import { DRAIN_TIMEOUT_MS, readSettings, readVariable } from './settings.ts';

const settings = readSettings();
const agent = createAgent(settings);
const redisUrl = readVariable('REDIS_URL');
const redis = new Redis(redisUrl);
redis.on('error', (error) => console.error(error));

async function execute(job: Job<RunData, RunResult>): Promise<RunResult> {
  // Runs that ended since the submission may have spent the rest.
  if (await isBudgetSpent(redis, settings.dayBudgetUsd))
    throw new UnrecoverableError('The budget of the day is spent.');
  const channel = channelOf(job.id ?? '');
  // Commands of one connection arrive in their order.
  const publish = (event: RunEvent) =>
    redis.publish(channel, JSON.stringify(event)).catch((error: unknown) => console.error(error));
  await publish({ type: 'started', attempt: job.attemptsStarted });
  try {
    const { text, costUsd } = await agent.run(job.data.prompt, {
      onText: (text) => void publish({ type: 'text', text }),
    });
    await addSpending(redis, costUsd);
    await publish({ type: 'succeeded', result: text, costUsd });
    return { text, costUsd };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    await addSpending(redis, error.costUsd);
    if (error.isRetryable) throw error;
    throw new UnrecoverableError(error.message);
  }
}

const worker = new Worker<RunData, RunResult>(QUEUE, execute, {
  connection: { url: redisUrl, maxRetriesPerRequest: null },
  concurrency: settings.slots,
  // Half of the default, so that the runs of a worker that died wait less.
  stalledInterval: 15_000,
  maxStalledCount: 2,
});
worker.on('failed', (job, error) => console.error(`The run ${job?.id} failed: ${error.message}`));
worker.on('error', (error) => console.error(error));

await worker.waitUntilReady();
announceWorker();

onStopSignal(async () => {
  // Takes no more jobs, and resolves when those in progress have ended.
  await worker.close();
  await agent.close();
  redis.disconnect();
}, DRAIN_TIMEOUT_MS);
