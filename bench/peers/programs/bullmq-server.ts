// The HTTP server of an application with BullMQ and the Agent SDK: submissions go into the queue; followers get the
// progress that workers publish in Redis, over SSE.
import { randomUUID } from 'node:crypto';
import { Queue, QueueEvents } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import { isBudgetSpent, JOB_OPTIONS, QUEUE, type RunData, type RunResult } from './bullmq-queue.ts';
import { createSubscriptions } from './bullmq-subscriptions.ts';
import { isLastEvent, openEventStream, type RunEvent } from './event-stream.ts';
import { listen, onStopSignal } from './listen.ts';
import { readSubmission } from './read-prompt.ts';
import { readSettings, readVariable } from './settings.ts';

const { dayBudgetUsd } = readSettings();
const redisUrl = readVariable('REDIS_URL');
const connection = { url: redisUrl };
const redis = new Redis(redisUrl);
const queue = new Queue<RunData, RunResult>(QUEUE, { connection, defaultJobOptions: JOB_OPTIONS });
const queueEvents = new QueueEvents(QUEUE, { connection });
const subscriptions = createSubscriptions(redis.duplicate());

// A worker that died publishes nothing: the queue knows that its job has failed for good.
queueEvents.on('failed', ({ jobId }) => subscriptions.deliver(jobId, { type: 'failed', error: 'The agent failed.' }));
queue.on('error', (error) => console.error(error));
queueEvents.on('error', (error) => console.error(error));
redis.on('error', (error) => console.error(error));

const app = express();
app.use(express.json({ limit: '64kb' }));
app.get('/livez', (_request, response) => void response.json({ status: 'ok' }));

app.post('/runs', async (request, response) => {
  const submission = readSubmission(request.body);
  if (submission === null) return void response.status(400).json({ error: 'A prompt is required.' });
  if (await isBudgetSpent(redis, dayBudgetUsd)) {
    return void response.status(402).json({ error: 'The budget of the day is spent.' });
  }
  const jobId = randomUUID();
  await queue.add('run', submission, { jobId });
  response.status(202).location(`/runs/${jobId}`).json({ id: jobId });
});

app.get('/runs/:id', async (request, response) => {
  const job = await queue.getJob(request.params.id);
  if (job === undefined) return void response.status(404).json({ error: 'There is no such run.' });
  response.json({ id: job.id, state: await job.getState(), result: job.returnvalue ?? null });
});

app.get('/runs/:id/events', async (request, response) => {
  const { id } = request.params;
  if ((await queue.getJob(id)) === undefined) return void response.status(404).json({ error: 'There is no such run.' });
  const stream = openEventStream(response);
  const send = (event: RunEvent) => {
    stream.send(event);
    if (isLastEvent(event)) stream.end();
  };
  const unsubscribe = await subscriptions.subscribe(id, send);
  response.on('close', unsubscribe);
  // The run may have ended before the subscription. Text from before that is not repeated; the result has all of it.
  const last = await readLastEvent(id);
  if (last !== null && !response.writableEnded) send(last);
});

async function readLastEvent(id: string): Promise<RunEvent | null> {
  const job = await queue.getJob(id);
  const state = await job?.getState();
  if (job === undefined || state === 'failed') return { type: 'failed', error: 'The agent failed.' };
  if (state !== 'completed') return null;
  return { type: 'succeeded', result: job.returnvalue.text, costUsd: job.returnvalue.costUsd };
}

const server = await listen(app);

onStopSignal(async () => {
  server.close();
  server.closeAllConnections();
  subscriptions.close();
  await queueEvents.close();
  await queue.close();
  redis.disconnect();
}, 5_000);
