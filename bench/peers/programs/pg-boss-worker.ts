// The worker of an application with pg-boss and the Agent SDK: runs jobs in its slots, stores their events, retries what
// another try may mend, and finishes its runs after a SIGTERM.
import type { Job } from 'pg-boss';
import { AgentError, createAgent, type AgentAnswer } from './agent.ts';
import { createEventWriter } from './pg-boss-event-writer.ts';
import { announceWorker, onStopSignal } from './listen.ts';
import {
  addSpending,
  DEAD_LETTER_QUEUE,
  isBudgetSpent,
  openDatabase,
  QUEUE,
  storeEvents,
  type RunData,
} from './pg-boss-database.ts';
import { DRAIN_TIMEOUT_MS, readSettings, readVariable } from './settings.ts';

const settings = readSettings();
const agent = createAgent(settings);
const { pool, boss } = await openDatabase(readVariable('DATABASE_URL'));

/** Executes a job. An error makes pg-boss retry it; a run that no other try can mend ends as a completed job. */
async function execute({ id, data, retryCount, signal }: Job<RunData>): Promise<void> {
  const writer = createEventWriter(pool, id);
  try {
    if (await isBudgetSpent(pool, settings.dayBudgetUsd)) {
      return writer.write({ type: 'failed', error: 'The budget of the day is spent.' });
    }
    writer.write({ type: 'started', attempt: retryCount + 1 });
    const answer = await tryToAnswer(id, {
      prompt: data.prompt,
      onText: (text) => writer.write({ type: 'text', text }),
      signal,
    });
    if (answer instanceof AgentError) {
      if (answer.isRetryable) throw answer;
      return writer.write({ type: 'failed', error: 'The agent failed.' });
    }
    writer.write({ type: 'succeeded', result: answer.text, costUsd: answer.costUsd });
  } finally {
    await writer.end();
  }
}

interface AnswerOptions {
  readonly prompt: string;
  readonly onText: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Runs the prompt and records its cost, of a failure as well. */
async function tryToAnswer(id: string, { prompt, ...options }: AnswerOptions): Promise<AgentAnswer | AgentError> {
  try {
    const answer = await agent.run(prompt, options);
    await addSpending(pool, id, answer.costUsd);
    return answer;
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    console.error(error);
    await addSpending(pool, id, error.costUsd);
    return error;
  }
}

// The next job is fetched so long after the last fetch: at once, when a run has taken longer. The defaults are 2 and 30.
const polling = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 };
await boss.work<RunData>(QUEUE, { localConcurrency: settings.slots, ...polling }, async ([job]) => {
  if (job !== undefined) await execute(job);
});
// A job whose workers died each time has reported nothing itself.
await boss.work<RunData>(DEAD_LETTER_QUEUE, async ([job]) => {
  if (job !== undefined) await storeEvents(pool, job.data.runId, [{ type: 'failed', error: 'The agent failed.' }]);
});
announceWorker();

onStopSignal(async () => {
  // Takes no more jobs, and resolves when those in progress have ended.
  await boss.stop({ graceful: true, timeout: DRAIN_TIMEOUT_MS });
  await agent.close();
  await pool.end();
}, DRAIN_TIMEOUT_MS + 5_000);
