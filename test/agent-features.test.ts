import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { EventResource } from '../src/client/client.ts';
import type { ToolRun } from '../src/index.ts';
import { say, startTestLonghaul, useTool, type TestLonghaul } from '../src/testing/index.ts';

// The options of an agent that add to its runs, through the whole of Longhaul and the real Claude Code executable.

describe('an agent with hooks and an output schema', () => {
  let longhaul: TestLonghaul;
  const runs: ToolRun[] = [];

  beforeAll(async () => {
    longhaul = await startTestLonghaul({
      config: {
        agents: {
          reviewer: {
            tools: ['Bash'],
            prewarm: 1,
            retry: { maxAttempts: 3, delaysSeconds: [0] },
            hooks: {
              beforeToolUse({ run, tool }) {
                runs.push(run);
                return { input: { ...tool.input, command: 'echo from the hook' } };
              },
            },
            outputSchema: z.object({ verdict: z.enum(['good', 'bad']) }),
          },
        },
      },
      script: ({ prompt, turn }) => {
        if (turn === 0) return useTool('Bash', { command: 'echo from the model', description: 'say' });
        return prompt.includes('in words') ? say('It is good.') : useTool('StructuredOutput', { verdict: 'good' });
      },
    });
  });
  afterAll(() => longhaul.stop());

  it('has its structured output on the run and its last event, and its hooks receive the run', async () => {
    const { client } = longhaul;
    const submitted = await client.submit({
      agent: 'reviewer',
      prompt: 'Judge.',
      user: 'ada',
      metadata: { ticket: 7 },
    });
    const run = await client.run(submitted.id, { waitSeconds: 60 });
    expect(run).toMatchObject({ status: 'succeeded', structuredOutput: { verdict: 'good' } });
    expect(runs.at(-1)).toEqual({
      id: run.id,
      agent: 'reviewer',
      user: 'ada',
      team: null,
      metadata: { ticket: 7 },
      attempt: 1,
    });
    const events: EventResource[] = [];
    for await (const event of client.stream(run.id)) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: 'run.succeeded', data: { structuredOutput: { verdict: 'good' } } });
    expect(events.find(({ type }) => type === 'agent.tool_input')).toMatchObject({
      data: { name: 'Bash', input: { command: 'echo from the hook' } },
    });
    expect(events.find(({ type }) => type === 'agent.tool_result')).toMatchObject({
      data: { content: 'from the hook', isError: false },
    });
  });

  it('fails with a separate code and its cost when the answer is text, and is not retried', async () => {
    const { client } = longhaul;
    const submitted = await client.submit({ agent: 'reviewer', prompt: 'Judge in words.', user: 'ben' });
    const run = await client.run(submitted.id, { waitSeconds: 60 });
    expect(run).toMatchObject({
      status: 'failed',
      attempt: 1,
      structuredOutput: null,
      error: { code: 'structured_output_invalid', retryable: false },
    });
    expect(run.costUsd).toBeGreaterThan(0);
  });
});
