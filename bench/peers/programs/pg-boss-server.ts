// The HTTP server of an application with pg-boss and the Agent SDK: submissions become jobs; followers read the events
// that workers store in PostgreSQL, over SSE, and resume after the last event they have.
import { randomUUID } from 'node:crypto';
import express from 'express';
import { openEventStream } from './event-stream.ts';
import { listen, onStopSignal } from './listen.ts';
import { isBudgetSpent, openDatabase, QUEUE, readEvents, type RunData } from './pg-boss-database.ts';
import { createFollowers } from './pg-boss-followers.ts';
import { readSubmission } from './read-prompt.ts';
import { readSettings, readVariable } from './settings.ts';

const { dayBudgetUsd } = readSettings();
const databaseUrl = readVariable('DATABASE_URL');
const { pool, boss } = await openDatabase(databaseUrl);
const followers = await createFollowers(databaseUrl, pool);

const app = express();
app.use(express.json({ limit: '64kb' }));
app.get('/livez', (_request, response) => void response.json({ status: 'ok' }));

app.post('/runs', async (request, response) => {
  const submission = readSubmission(request.body);
  if (submission === null) return void response.status(400).json({ error: 'A prompt is required.' });
  if (await isBudgetSpent(pool, dayBudgetUsd)) {
    return void response.status(402).json({ error: 'The budget of the day is spent.' });
  }
  const id = randomUUID();
  await boss.send(QUEUE, { ...submission, runId: id } satisfies RunData, { id });
  response.status(202).location(`/runs/${id}`).json({ id });
});

app.get('/runs/:id', async (request, response) => {
  const [job] = await boss.findJobs(QUEUE, { id: request.params.id });
  if (job === undefined) return void response.status(404).json({ error: 'There is no such run.' });
  const events = await readEvents(pool, job.id, '0');
  response.json({ id: job.id, state: job.state, last: events.at(-1)?.event ?? null });
});

app.get('/runs/:id/events', async (request, response) => {
  const { id } = request.params;
  const [job] = await boss.findJobs(QUEUE, { id });
  if (job === undefined) return void response.status(404).json({ error: 'There is no such run.' });
  const afterId = /^\d+$/.exec(request.get('last-event-id') ?? '')?.[0] ?? '0';
  response.on('close', followers.follow(id, openEventStream(response), afterId));
});

const server = await listen(app);

onStopSignal(async () => {
  server.close();
  server.closeAllConnections();
  await followers.close();
  await boss.stop({ graceful: false });
  await pool.end();
}, 5_000);
