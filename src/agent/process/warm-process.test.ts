import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createId } from '../../core/ids.ts';
import { createOutputSchema } from '../../config/output-schema.ts';
import { fail, say, startScriptedModel, useTool } from '../../testing/index.ts';
import type { AgentSpec } from '../agent-spec.ts';
import { startAgentProcess } from '../agent-process.ts';
import { createAttempt } from '../attempt.fixture.ts';
import { createTranscript } from '../transcript/transcript.fixture.ts';
import { z } from 'zod';

/** Attempts that continue a conversation in the process that has it. */

type Attempt = Awaited<ReturnType<typeof createAttempt>>;

async function runKept(attempt: Attempt, parts: Partial<AgentSpec>) {
  const report = await startAgentProcess({ ...attempt.spec, keepConversation: () => true, ...parts }).done;
  if (report.keptProcess !== null) attempt.endLater(report.keptProcess);
  return report;
}

const next = (process: AgentSpec['process']): Partial<AgentSpec> => ({
  process: process ?? null,
  hasConversation: true,
  isResumed: true,
  attemptId: createId(),
  runId: createId(),
});

test('an attempt in a kept conversation continues it, and reports only its own spending', async () => {
  const { transcript, kept } = createTranscript();
  await using model = await startScriptedModel({ script: [say('One.'), say('Two.')] });
  await using attempt = await createAttempt({ url: model.url });
  const first = await runKept(attempt, { transcript });
  expect(first).toMatchObject({ outcome: { status: 'succeeded', result: 'One.' } });
  expect(first.keptProcess?.isFree).toBe(true);
  const count = kept.length;
  const second = await runKept(attempt, { transcript, prompt: 'And then?', ...next(first.keptProcess) });
  expect(second).toMatchObject({ outcome: { status: 'succeeded', result: 'Two.' }, turns: 1 });
  expect(second.keptProcess).toBe(first.keptProcess);
  expect(model.requests.map(({ turn }) => turn)).toEqual([0, 1]);
  // Each of its figures is of one call.
  const usage = Object.values(second.modelUsage ?? {});
  expect(usage).toHaveLength(1);
  expect(usage[0]!.outputTokens).toBe(Object.values(first.modelUsage ?? {})[0]!.outputTokens);
  expect(usage[0]!.costUsd).toBeCloseTo((second.costMicros ?? NaN) / 1_000_000, 5);
  expect(kept.length).toBeGreaterThan(count);
});

test.each(['/cost', '/clear', '@/etc/hostname'])('a prompt is data in a kept conversation too: %s', async (prompt) => {
  const { transcript } = createTranscript();
  await using model = await startScriptedModel({ script: [say('Yes.')] });
  await using attempt = await createAttempt({ url: model.url });
  const { keptProcess } = await runKept(attempt, { transcript });
  await runKept(attempt, { transcript, prompt, ...next(keptProcess) });
  expect(model.requests).toHaveLength(2);
  const message = model.requests[1]!.body.messages.findLast(({ role }) => role === 'user');
  expect(JSON.stringify(message?.content)).toContain(prompt);
  expect(JSON.stringify(message)).not.toContain((await readFile('/etc/hostname', 'utf8')).trim() + '"');
});

test('a schema applies to the next attempt in a kept conversation as well', async () => {
  const { transcript } = createTranscript();
  const answer = useTool('StructuredOutput', { score: 1 });
  await using model = await startScriptedModel({ script: ({ turn }) => (turn === 0 ? answer : say('No.')) });
  const outputSchema = createOutputSchema(z.object({ score: z.number() }));
  await using attempt = await createAttempt({ url: model.url, agent: { outputSchema } });
  const { keptProcess, outcome } = await runKept(attempt, { transcript });
  expect(outcome).toMatchObject({ status: 'succeeded', structuredOutput: { score: 1 } });
  expect(keptProcess).not.toBeNull();
  const second = await runKept(attempt, { transcript, ...next(keptProcess) });
  expect(second).toMatchObject({ outcome: { status: 'failed', code: 'structured_output_invalid' }, keptProcess: null });
});

test('an attempt whose kept process has died resumes the transcript', async () => {
  const { transcript } = createTranscript();
  await using model = await startScriptedModel({ script: [say('One.'), say('Two.')] });
  await using attempt = await createAttempt({ url: model.url });
  const { keptProcess } = await runKept(attempt, { transcript });
  await keptProcess!.close();
  const claudeSessionId = attempt.spec.sessionId;
  const second = await runKept(attempt, { transcript, claudeSessionId, ...next(keptProcess) });
  expect(second).toMatchObject({ outcome: { status: 'succeeded', result: 'Two.' } });
  expect(second.keptProcess).not.toBe(keptProcess);
  expect(model.requests.map(({ turn }) => turn)).toEqual([0, 1]);
});

test('a process is not kept with a conversation that is not stored as a whole, nor after a failure', async () => {
  await using model = await startScriptedModel({ script: [say('One.')] });
  await using attempt = await createAttempt({ url: model.url });
  const { transcript } = createTranscript();
  const broken = { ...transcript, append: () => Promise.reject(new Error('The lease is lost.')) };
  expect(await runKept(attempt, { transcript: broken })).toMatchObject({
    outcome: { status: 'succeeded' },
    keptProcess: null,
  });
  expect(await runKept(attempt, { transcript: null, sessionId: createId() })).toMatchObject({ keptProcess: null });
  model.setScript([fail(400)]);
  expect(await runKept(attempt, { transcript, sessionId: createId() })).toMatchObject({ keptProcess: null });
  expect(await attempt.processes()).toEqual([]);
});
