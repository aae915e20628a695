import path from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { LonghaulConfig } from '../src/config/schema.ts';
import { fail, say, startTestLonghaul, turn, type Script } from '../src/testing/index.ts';

// The log lines of a finished run, and texts that never appear in the log.

const PROMPT = 'A prompt nobody but the model is to read: 7f3a9c';
const PROVIDER_KEY = 'sk-secret-5d1e';

/** Executes a run and returns every line that was logged meanwhile. */
async function logOf(config: Omit<LonghaulConfig, 'agents'>, script: Script): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'trace' },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const longhaul = await startTestLonghaul({
    config: {
      ...config,
      agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false, retry: { maxAttempts: 1 } } },
    },
    script,
    env: { ANTHROPIC_API_KEY: PROVIDER_KEY },
    log,
  });
  const run = await longhaul.client.submit({ agent: 'teller', prompt: PROMPT });
  await longhaul.client.run(run.id, { waitSeconds: 60 });
  await longhaul.stop();
  expect(JSON.stringify(lines)).not.toContain(PROMPT);
  expect(JSON.stringify(lines)).not.toContain(PROVIDER_KEY);
  return lines.filter((line) => line['runId'] === run.id && String(line['msg']).startsWith('run '));
}

describe('the log of a run', () => {
  it('has the duration, usage and cost of a success', async () => {
    const usage = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 10, cacheCreationTokens: 20 };
    const [line, ...rest] = await logOf({}, [turn(say('Done.'), { usage })]);
    expect(rest).toEqual([]);
    expect(line).toMatchObject({
      level: 30,
      workerId: expect.any(String) as string,
      attempt: 1,
      status: 'succeeded',
      turns: 1,
      toolUses: {},
      cacheReadTokens: 10,
      cacheCreationTokens: 20,
    });
    expect(line?.['durationMs']).toBeGreaterThan(0);
    expect(line?.['costUsd']).toBeGreaterThan(0);
  });

  it('has at most the first 500 characters of an error', async () => {
    const [line] = await logOf({}, [fail(400, { message: 'x'.repeat(2_000) })]);
    expect(line).toMatchObject({ level: 60, code: 'provider_invalid_request' });
    expect(String(line?.['detail']).length).toBeLessThanOrEqual(500);
  });

  it('is critical when the executable is missing', async () => {
    const [line] = await logOf({ claudePath: '/nowhere/claude' }, [say('never')]);
    expect(line).toMatchObject({ level: 60, code: 'cli_not_found' });
  });

  it('has the exit code and standard error of a process that ended by itself', async () => {
    const [line] = await logOf({ claudePath: path.resolve('test/fixtures/claude-fails-at-start.sh') }, [say('never')]);
    expect(line).toMatchObject({ level: 60, code: 'cli_start_failed', exitCode: 3 });
    expect(String(line?.['stderr']).length).toBeGreaterThan(0);
    expect(String(line?.['stderr']).length).toBeLessThanOrEqual(1_000);
  });
});
