// The Agent SDK in a request handler: the answer to a submission is the stream of its run. No queue and no database.
import express from 'express';
import { AgentError, createAgent } from './agent.ts';
import { openEventStream } from './event-stream.ts';
import { listen, onStopSignal } from './listen.ts';
import { readSubmission, today } from './read-prompt.ts';
import { createSemaphore } from './semaphore.ts';
import { DRAIN_TIMEOUT_MS, readSettings } from './settings.ts';

const settings = readSettings();
const agent = createAgent(settings);
const slots = createSemaphore(settings.slots);
const spent = { day: today(), usd: 0 };

function addSpending(costUsd: number): void {
  if (spent.day !== today()) Object.assign(spent, { day: today(), usd: 0 });
  spent.usd += costUsd;
}

const isBudgetSpent = () => spent.day === today() && spent.usd >= settings.dayBudgetUsd;

const app = express();
app.use(express.json({ limit: '64kb' }));
app.get('/livez', (_request, response) => void response.json({ status: 'ok' }));

app.post('/runs', async (request, response) => {
  const submission = readSubmission(request.body);
  if (submission === null) return void response.status(400).json({ error: 'A prompt is required.' });
  if (isBudgetSpent()) return void response.status(402).json({ error: 'The budget of the day is spent.' });
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const stream = openEventStream(response);
  const release = await slots.acquire();
  try {
    if (gone.signal.aborted) return;
    // The runs before it may have spent the rest.
    if (isBudgetSpent()) return stream.send({ type: 'failed', error: 'The budget of the day is spent.' });
    stream.send({ type: 'started', attempt: 1 });
    const { text, costUsd } = await agent.run(submission.prompt, {
      onText: (text) => stream.send({ type: 'text', text }),
      signal: gone.signal,
    });
    addSpending(costUsd);
    stream.send({ type: 'succeeded', result: text, costUsd });
  } catch (error) {
    if (error instanceof AgentError) addSpending(error.costUsd);
    console.error(error);
    stream.send({ type: 'failed', error: 'The agent failed.' });
  } finally {
    release();
    stream.end();
  }
});

const server = await listen(app);

onStopSignal(async () => {
  // Accepts no more requests, and resolves when the runs in progress are answered.
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  await closed;
  await agent.close();
}, DRAIN_TIMEOUT_MS);
