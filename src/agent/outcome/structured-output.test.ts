import { expect, test } from 'vitest';
import { z } from 'zod';
import { createOutputSchema } from '../../config/output-schema.ts';
import { say, startScriptedModel, useTool, type Script } from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import { createAttempt } from '../attempt.fixture.ts';

/** Tests of answers that must fit a schema, with the real Claude Code executable. */

const REVIEW = z.object({
  verdict: z.enum(['good', 'bad']),
  score: z.int().min(1).max(5),
  notes: z.array(z.string()).default([]),
});

async function run(script: Script, schema: Parameters<typeof createOutputSchema>[0] = REVIEW) {
  await using model = await startScriptedModel({ script });
  let asked = 0;
  await using attempt = await createAttempt({
    url: model.url,
    agent: { outputSchema: createOutputSchema(schema), hooks: { beforeToolUse: () => void asked++ } },
  });
  const report = await startAgentProcess(attempt.spec).done;
  return { report, outcome: report.outcome, asked, model };
}

test('an answer that fits the schema is the structured output, with defaults filled in', async () => {
  const { outcome, asked, model } = await run([useTool('StructuredOutput', { verdict: 'good', score: 4 }), say('x')]);
  expect(outcome).toMatchObject({
    status: 'succeeded',
    structuredOutput: { verdict: 'good', score: 4, notes: [] },
  });
  expect(model.requests).toHaveLength(1);
  // The answer is not a tool use that a hook should judge.
  expect(asked).toBe(0);
});

test('an answer that fits the schema counts even when it has used up the money', async () => {
  await using model = await startScriptedModel({
    script: [useTool('StructuredOutput', { verdict: 'good', score: 4 })],
  });
  const agent = { outputSchema: createOutputSchema(REVIEW) };
  await using attempt = await createAttempt({ url: model.url, agent });
  const { outcome } = await startAgentProcess({ ...attempt.spec, hasMoneyLeft: () => false }).done;
  expect(outcome).toMatchObject({ status: 'succeeded', structuredOutput: { verdict: 'good', score: 4 } });
});

test('the model may correct an answer that does not fit', async () => {
  const { outcome, model } = await run([
    useTool('StructuredOutput', { verdict: 'good', score: 9 }),
    useTool('StructuredOutput', { verdict: 'good', score: 5 }),
  ]);
  expect(outcome).toMatchObject({ status: 'succeeded', structuredOutput: { score: 5 } });
  expect(JSON.stringify(model.requests[1]?.body)).toContain('must be <= 5');
});

test('an answer in text, however often repeated, is no success', async () => {
  const { outcome, report } = await run([say('It is good.'), say('As I said.'), say('Good.')]);
  expect(outcome).toMatchObject({
    status: 'failed',
    code: 'structured_output_invalid',
    detail: expect.stringContaining('came as text') as string,
  });
  // The cost is known anyway.
  expect(report.costMicros).toBeGreaterThan(0);
});

test('an answer that never fits ends the run', async () => {
  const { outcome } = await run([useTool('StructuredOutput', { verdict: 'good', score: 9 })]);
  expect(outcome).toMatchObject({ status: 'failed', code: 'structured_output_invalid' });
});

test('we check the parts of a zod schema that JSON schema lacks, and report the first problems', async () => {
  const schema = z.object({ from: z.int(), to: z.int() }).refine(({ from, to }) => from < to, 'from must be before to');
  const { outcome } = await run([useTool('StructuredOutput', { from: 3, to: 1 })], schema);
  expect(outcome).toEqual({
    status: 'failed',
    code: 'structured_output_invalid',
    detail: 'the answer: from must be before to',
  });
});

test('a JSON schema of draft 2020-12 applies, also with keywords that Claude Code does not know', async () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { pair: { type: 'array', prefixItems: [{ type: 'number' }, { type: 'string' }], items: false } },
    required: ['pair'],
    unevaluatedProperties: false,
    'x-owner': 'us',
  };
  const good = await run([useTool('StructuredOutput', { pair: [1, 'a'] })], schema);
  expect(good.outcome).toMatchObject({ status: 'succeeded', structuredOutput: { pair: [1, 'a'] } });
  const bad = await run([useTool('StructuredOutput', { pair: [1, 'a'], more: true })], schema);
  expect(bad.outcome).toEqual({
    status: 'failed',
    code: 'structured_output_invalid',
    detail: 'the answer: must NOT have unevaluated properties',
  });
});

test('a kept process applies the schema to its next run as well', async () => {
  await using model = await startScriptedModel({
    script: () => useTool('StructuredOutput', { verdict: 'bad', score: 1 }),
  });
  await using attempt = await createAttempt({
    url: model.url,
    agent: { outputSchema: createOutputSchema(REVIEW), isReused: true },
  });
  const first = await startAgentProcess({ ...attempt.spec, keepProcess: true }).done;
  expect(first.keptProcess).not.toBeNull();
  const second = await startAgentProcess({ ...attempt.spec, process: first.keptProcess, runId: attempt.spec.attemptId })
    .done;
  expect(second.outcome).toMatchObject({ status: 'succeeded', structuredOutput: { verdict: 'bad', score: 1 } });
  expect(second.claudeCodeVersion).not.toBeNull();
});
