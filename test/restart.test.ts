import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EventResource, LonghaulClient, RunResource } from '../src/client/client.ts';
import { say, startScriptedModel, turn, useTool, type ScriptedModel } from '../src/testing/index.ts';
import { startCommand, type StartedCommand } from './support/start-command.ts';

// `kill -9` of `longhaul start`: every accepted run is there afterwards and ends once, and no process is left.

const usage = { inputTokens: 1_000, outputTokens: 100 };

describe('longhaul start, killed and started again', () => {
  let directory: string;
  let model: ScriptedModel;
  let env: Record<string, string>;
  const started: StartedCommand[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-restart-'));
    await mkdir(path.join(directory, 'shared'));
    await writeFile(
      path.join(directory, 'longhaul.config.mjs'),
      `export default ${JSON.stringify({
        worker: { slots: 2 },
        limits: { perUser: { runsPerMinute: false } },
        agents: {
          worker: { model: 'claude-sonnet-4-5', tools: ['Bash'] },
          teller: { model: 'claude-sonnet-4-5', tools: [] },
          // Its process serves one run after the other: a kill meets many more runs in the same time.
          keeper: {
            model: 'claude-sonnet-4-5',
            tools: [],
            reuse: true,
            workspace: { root: './shared', mode: 'shared' },
            prewarm: false,
          },
        },
      })};\n`,
    );
    model = await startScriptedModel({
      script({ prompt, turn: count, body }) {
        if (prompt.includes('sleep')) {
          const sleep = useTool('Bash', { command: 'sleep 300 & tail -f /dev/null', timeout: 110_000 });
          // The model answers once it reads of the tool: in the transcript or, because a kill may cut that short, in
          // Longhaul's text.
          const isTold = JSON.stringify(body.messages).includes('tail -f');
          return turn(isTold ? say('awake') : sleep, { usage });
        }
        if (prompt.includes('slow')) return turn(say('word '.repeat(40), { chunks: 40, chunkDelayMs: 50 }), { usage });
        return count === 0 ? turn(say('done'), { usage }) : say('done');
      },
    });
    env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'scripted', LONGHAUL_LOG_LEVEL: 'warn' };
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((command) => command.end('SIGKILL')));
  });

  afterAll(async () => {
    await model.close();
    await rm(directory, { recursive: true, force: true });
  });

  const start = async (): Promise<StartedCommand> => {
    const command = await startCommand(directory, env);
    started.push(command);
    return command;
  };

  it('continues running runs where they stopped, executes queued runs, and leaves no process', async () => {
    const first = await start();
    const asleep = await first.client.submit({ agent: 'worker', prompt: 'sleep' });
    const slow = await first.client.submit({ agent: 'worker', prompt: 'sleep too' });
    const queued = await first.client.submit({ agent: 'teller', prompt: 'hello' });
    for (const run of [asleep, slow]) await untilEvent(first.client, run.id, 'agent.tool_use');
    expect(await first.client.run(queued.id)).toMatchObject({ status: 'queued' });
    // Two executables, and two shells, each with a sleep in the background and a sleep in the foreground.
    await expect.poll(() => attemptProcesses(directory).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(8);
    await first.end('SIGKILL');
    // The worker's reaper ends them, before anything is started again.
    await expect.poll(() => attemptProcesses(directory), { timeout: 2_000 }).toEqual([]);

    const restartedAt = performance.now();
    const second = await start();
    expect(await ended(second.client, queued.id)).toMatchObject({ status: 'succeeded', result: 'done' });
    for (const run of [asleep, slow]) {
      const resumed = await ended(second.client, run.id);
      // Earlier requests are not repeated: each attempt has one answer.
      expect(resumed).toMatchObject({ status: 'succeeded', result: 'awake', attempt: 2, costUsd: 0.009 });
      expect(resumed.attempts).toMatchObject([
        { outcome: 'failed', errorCode: 'worker_lost', meteredCostUsd: 0.0045, reportedCostUsd: null },
        { outcome: 'succeeded', meteredCostUsd: 0.0045 },
      ]);
      const events = await allEvents(second.client, run.id);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(events.filter(({ type }) => type === 'run.retrying')).toMatchObject([
        { attempt: 1, data: { error: { code: 'worker_lost' }, delaySeconds: 0 } },
      ]);
      expect(events.at(-1)?.type).toBe('run.succeeded');
    }
    expect(performance.now() - restartedAt).toBeLessThan(30_000);
    await second.end('SIGTERM');
  }, 120_000);

  it('loses no accepted run and ends each once, killed repeatedly at any instant', async () => {
    const accepted: string[] = [];
    for (const delayMs of [0, 30, 90, 250, 600, 1_100]) {
      const command = await start();
      const begun = Promise.withResolvers<void>();
      const submitting = (async () => {
        for (let index = 0; index < 10; index++) {
          const work = index % 3 === 0 ? { agent: 'teller', prompt: 'slow' } : { agent: 'keeper', prompt: 'hello' };
          const run = await command.client.submit({ ...work, user: 'ann' });
          accepted.push(run.id);
          begun.resolve();
        }
      })()
        .catch(() => {}) // The server dies under it: what was not answered was not accepted.
        .finally(begun.resolve);
      await begun.promise;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await command.end('SIGKILL');
      await submitting;
    }
    const last = await start();
    expect(accepted.length).toBeGreaterThan(5);
    for (const id of accepted) {
      const run = await ended(last.client, id);
      expect(
        run.status === 'succeeded' || ['worker_lost', 'poison_run'].includes(run.error?.code ?? ''),
        `${id} ${run.status} ${run.error?.code}`,
      ).toBe(true);
      const events = await allEvents(last.client, id);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(events.filter(({ type }) => ['run.succeeded', 'run.failed'].includes(type))).toHaveLength(1);
    }
    expect(await last.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(attemptProcesses(directory)).toEqual([]);
  }, 180_000);
});

async function ended(client: LonghaulClient, id: string): Promise<RunResource> {
  for (;;) {
    const run = await client.run(id, { waitSeconds: 60 });
    if (run.finishedAt !== null) return run;
  }
}

async function untilEvent(client: LonghaulClient, id: string, type: string): Promise<void> {
  for await (const event of client.stream(id)) if (event.type === type) return;
  throw new Error(`Run ${id} ended without ${type}.`);
}

async function allEvents(client: LonghaulClient, id: string): Promise<EventResource[]> {
  const events: EventResource[] = [];
  for await (const event of client.stream(id)) events.push(event);
  return events;
}

/** Returns the attempts' processes of this directory's Longhaul, by the marks in their environment. */
function attemptProcesses(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      return environment.includes('LONGHAUL_ATTEMPT=') && environment.includes(directory);
    } catch {
      return false; // Gone meanwhile.
    }
  });
}
