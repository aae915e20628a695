import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createQueueDatabase } from '../../test/support/queue-database.ts';
import { listProcesses } from '../agent/process-tree/process-table.ts';
import { findSandbox } from '../agent/sandbox/sandbox.ts';
import type { Config } from '../config/config.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { createId } from '../core/ids.ts';
import { collectLog } from '../core/log.fixture.ts';
import { onReport } from '../core/process-events.ts';
import { ownIdentity } from '../core/process-identity.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { createAcceptRuns } from '../run/accept/accept-runs.ts';
import { cancelRun } from '../run/cancel.ts';
import { findRun } from '../run/read/read-runs.ts';
import { SEES_ALL } from '../run/viewer.ts';
import type { RunLimits } from '../core/limits.ts';
import {
  fail,
  hang,
  say,
  startScriptedModel,
  turn,
  useTool,
  type ModelRequest,
  type ScriptedModel,
  type Turn,
} from '../testing/index.ts';
import { createWorker, type Worker } from './worker.ts';

/** Second turns of sessions, with the real Claude Code executable. */

const GB = 1_000_000_000;
const PROCESS_TIMEOUT_MS = 30_000;

const sandbox = await findSandbox();

describe('the next run of a session', () => {
  let directory: string;
  let store: Awaited<ReturnType<typeof createQueueDatabase>>;
  let model: ScriptedModel;
  let gateway: Gateway;
  let config: Config;
  let worker: Worker;
  let freeBytes = 8 * GB;
  const starts: string[] = [];
  const hooked: { id: string; user: string | null; metadata: object }[] = [];
  let coldStarts = 0;
  const stopListening = [
    onReport('process.started', () => void (coldStarts += 1)),
    onReport('attempt.answered', ({ start }) => void starts.push(start)),
  ];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-warm-'));
    const workspace = { root: './work', mode: 'perSession' } as const;
    const agent = {
      model: 'claude-sonnet-4-5',
      tools: ['Bash'],
      workspace,
      prewarm: false,
      limits: { maxTurns: 3 },
      retry: { maxAttempts: 1 },
    } as const;
    const agents: LonghaulConfig['agents'] = {
      coder: {
        ...agent,
        tools: ['Bash'],
        hooks: { beforeToolUse: ({ run: { id, user, metadata } }) => void hooked.push({ id, user, metadata }) },
      },
      brief: { ...agent, tools: ['Bash'], keepWarmSeconds: 1 },
      cold: { ...agent, tools: ['Bash'], keepWarmSeconds: 0 },
      single: { ...agent, tools: ['Bash'], workspace: { root: './single', mode: 'perRun' } },
      spared: { ...agent, tools: ['Bash'], prewarm: 1 },
    };
    config = resolveConfig({
      input: { agents, worker: { slots: 2 }, managedAgents: { template: 'coder' } },
      baseDir: directory,
      env: { LONGHAUL_DATA_DIR: path.join(directory, 'data') },
    });
    store = await createQueueDatabase('postgres', [...config.agents.keys()]);
    model = await startScriptedModel({ script });
    gateway = await createGateway({
      providers: new Map([['default', { upstream: { baseUrl: model.url, headers: {} } }]]),
      silenceMs: 45_000,
    });
  });

  beforeEach(async () => {
    freeBytes = 8 * GB;
    await startWorker();
  });

  afterEach(async () => {
    await worker.stop();
    expect(await processes()).toEqual([]);
    expect(await readdir(path.join(directory, 'data', 'scratch')).catch(() => [])).toEqual([]);
  });

  afterAll(async () => {
    for (const stop of stopListening) stop();
    await gateway.close();
    await model.close();
    await store.remove();
    await rm(directory, { recursive: true, force: true });
  });

  async function startWorker(onlyAgents = ['coder', 'brief', 'cold', 'single']): Promise<void> {
    const { database, queue } = store;
    worker = createWorker({
      config,
      database,
      queue,
      gateway,
      version: '1.2.3',
      isAlone: false,
      onlyAgents,
      readFreeMemory: () => ({ freeBytes, limitBytes: 8 * GB, cgroupLimitBytes: null }),
      log: collectLog().log,
    });
    await worker.start();
  }

  async function submit(prompt: string, options: Submission = {}): Promise<string> {
    const { agent: name = 'coder', sessionId = null, limits = {}, user = 'ann' } = options;
    const agent = config.agents.get(name)!;
    const { runs } = await createAcceptRuns({ ...store, rules: config, log: collectLog().log })({
      submission: {
        agent,
        prompt,
        user,
        team: null,
        metadata: { prompt },
        priority: 0,
        startAfter: null,
        limits: { ...agent.limits, ...limits },
        requestedLimits: limits,
        session: sessionId === null ? null : { id: sessionId, isFork: false },
        retryOf: null,
        idempotencyKey: null,
        createdBy: createId(),
      },
    });
    return runs[0]!.id;
  }

  const read = async (id: string) => (await findRun(store.database, { runId: id, viewer: SEES_ALL }))!;

  /** Executes a run, and returns it with the requests that the model received from it and the origin of its process. */
  async function run(prompt: string, options: Submission = {}) {
    const before = { requests: model.requests.length, starts: starts.length, coldStarts };
    const id = await submit(prompt, options);
    await expect.poll(async () => (await read(id)).finishedAt, { timeout: PROCESS_TIMEOUT_MS }).not.toBeNull();
    await expect.poll(() => worker.runningCount).toBe(0);
    return {
      ...(await read(id)),
      requests: model.requests.slice(before.requests),
      starts: starts.slice(before.starts),
      coldStarts: coldStarts - before.coldStarts,
    };
  }

  const processes = async () => (await listProcesses()).filter((entry) => entry.worker === ownIdentity());
  const marks = async () => [...new Set((await processes()).map(({ attemptId }) => attemptId))];
  const untilNoProcess = () => expect.poll(processes, { timeout: PROCESS_TIMEOUT_MS }).toEqual([]);

  async function readEvents(runId: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
    const { rows } = await sql<{ type: string; data: Record<string, unknown> }>`
      select type, data from longhaul.run_events where run_id = ${runId} order by seq`.execute(store.database.sql);
    return rows;
  }

  it('continues in the process of the last one, with its conversation and nothing else of it', async () => {
    const first = await run('bash: true');
    expect(first).toMatchObject({ status: 'succeeded', starts: ['cold'], coldStarts: 1 });
    const [pids, kept] = [(await processes()).map(({ pid }) => pid), await marks()];
    expect(kept).toHaveLength(1);
    const second = await run('bash: echo two', { sessionId: first.sessionId });
    expect(second).toMatchObject({ status: 'succeeded', sessionTurn: 2, starts: ['warm'], coldStarts: 0 });
    expect((await processes()).map(({ pid }) => pid)).toEqual(pids);
    // The model sees the first turn, and the events only the second.
    expect(JSON.stringify(second.requests[0]!.body['messages'])).toContain('bash: true');
    expect(second.toolUses).toEqual({ Bash: 1 });
    expect(second.turns).toBe(2);
    expect(hooked.at(-1)).toEqual({ id: second.id, user: 'ann', metadata: { prompt: 'bash: echo two' } });
    // The next one resumes the transcript that the process has written.
    await worker.stop();
    await startWorker();
    const third = await run('bash: echo three', { sessionId: first.sessionId });
    expect(third).toMatchObject({ status: 'succeeded', sessionTurn: 3, starts: ['cold'] });
    const told = JSON.stringify(third.requests[0]!.body['messages']);
    for (const prompt of ['bash: true', 'bash: echo two', 'bash: echo three']) expect(told).toContain(prompt);
  });

  it('is recorded and charged as in a new process', async () => {
    const turns = async (agent: string) => {
      const first = await run('bash: true', { agent });
      const second = await run('bash: true', { agent, sessionId: first.sessionId });
      return { first, second };
    };
    const warm = await turns('coder');
    const cold = await turns('cold');
    expect([warm.second.starts, cold.second.starts]).toEqual([['warm'], ['cold']]);
    const shapeOf = async (runId: string) =>
      (await readEvents(runId)).map(({ type, data }) => [type, Object.keys(data).toSorted()]);
    expect(await shapeOf(warm.second.id)).toEqual(await shapeOf(cold.second.id));
    for (const { id, costUsd } of [warm.first, warm.second]) {
      const { rows: entries } = await sql<{ cost: number; sdk: number }>`
        select cost_micros::int as cost, sdk_cost_micros::int as sdk from longhaul.ledger_entries where run_id = ${id}`.execute(
        store.database.sql,
      );
      expect(entries).toHaveLength(1);
      expect(entries[0]!.cost).toBe(Math.round(costUsd * 1_000_000));
      // Claude Code adds up the costs of a process; each run gets its own.
      expect(Math.abs(entries[0]!.sdk - entries[0]!.cost)).toBeLessThanOrEqual(1);
    }
    const tokens = ({ usage }: typeof warm.first) => usage.inputTokens + usage.cacheReadTokens;
    // Its own two calls, not those of the first turn as well.
    expect(tokens(warm.second)).toBeLessThan(1.5 * tokens(cold.second));
    expect(warm.second.modelUsage['claude-sonnet-4-5']?.outputTokens).toBe(
      cold.second.modelUsage['claude-sonnet-4-5']?.outputTokens,
    );
  });

  it.runIf('kind' in sandbox)('has the connections that its tools make, in the sandbox of the last turn', async () => {
    const first = await run('bash: curl -sS -m 5 https://first.example/; true');
    const second = await run('bash: curl -sS -m 5 https://second.example/; true', { sessionId: first.sessionId });
    expect(second).toMatchObject({ status: 'succeeded', starts: ['warm'] });
    for (const [{ id }, host] of [
      [first, 'first.example'],
      [second, 'second.example'],
    ] as const) {
      const connections = (await readEvents(id)).filter(({ type }) => type === 'agent.connection');
      expect(connections).toMatchObject([{ data: { host, decision: 'refused' } }]);
    }
  });

  it('has all of its turns', async () => {
    const first = await run('thrice');
    expect(first).toMatchObject({ status: 'succeeded', turns: 3 });
    const second = await run('thrice', { sessionId: first.sessionId });
    expect(second).toMatchObject({ status: 'succeeded', turns: 3, starts: ['warm'] });
    const third = await run('for ever', { sessionId: first.sessionId });
    expect(third).toMatchObject({ status: 'failed', error: { code: 'max_turns' }, turns: 3 });
    await untilNoProcess();
  });

  it('has a new process when it has other limits for its process', async () => {
    const first = await run('hello');
    const second = await run('hello', { sessionId: first.sessionId, limits: { maxTurns: 2 } });
    expect(second).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    const cheaper = await run('hello', { sessionId: first.sessionId, limits: { maxTurns: 2, maxBudgetUsd: 0.5 } });
    expect(cheaper).toMatchObject({ status: 'succeeded', starts: ['warm'] });
  });

  it('has a new process after a failure or a cancel', async () => {
    const failed = await run('fail');
    expect(failed.status).toBe('failed');
    await untilNoProcess();
    const second = await run('hello', { sessionId: failed.sessionId });
    expect(second).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    const id = await submit('hang', { sessionId: failed.sessionId });
    await expect.poll(async () => (await readEvents(id)).map(({ type }) => type)).toContain('agent.init');
    await cancelRun({ ...store, rules: config, log: collectLog().log }, id);
    await expect.poll(async () => (await read(id)).status, { timeout: PROCESS_TIMEOUT_MS }).toBe('cancelled');
    await untilNoProcess();
    const fourth = await run('hello', { sessionId: failed.sessionId });
    expect(fourth).toMatchObject({ status: 'succeeded', starts: ['cold'] });
  });

  it('has a new process after a tool has left a process or another directory', async () => {
    const left = await run('bash: (setsid sleep 653 > /dev/null 2>&1 &); sleep 0.1');
    expect(left.status).toBe('succeeded');
    await untilNoProcess();
    const moved = await run('bash: mkdir -p sub && cd sub', { sessionId: left.sessionId });
    expect(moved).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    await untilNoProcess();
    const next = await run('bash: pwd', { sessionId: left.sessionId });
    expect(next).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    const results = next.requests.flatMap(({ toolResults }) => toolResults);
    expect(results[0]!.content.split('\n')[0]).toBe(path.join(directory, 'work', left.sessionId));
  });

  it('has a new process when another worker has written to the session, or its directory is another', async () => {
    const first = await run('hello');
    // As an attempt on another worker does for each batch of entries.
    await sql`update longhaul.sessions set entry_count = entry_count + 1 where id = ${first.sessionId}`.execute(
      store.database.sql,
    );
    const second = await run('hello', { sessionId: first.sessionId });
    expect(second).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    const workspaceDir = path.join(directory, 'work', first.sessionId);
    await rename(workspaceDir, `${workspaceDir}-before`);
    await mkdir(workspaceDir);
    const third = await run('hello', { sessionId: first.sessionId });
    expect(third).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    const fourth = await run('hello', { sessionId: first.sessionId });
    expect(fourth).toMatchObject({ status: 'succeeded', starts: ['warm'] });
  });

  it('has a new process when the definition of its agent has changed', async () => {
    const sessionId = createId();
    const define = (model: string) =>
      JSON.stringify({
        model,
        systemPrompt: 'You sell tea.',
        effort: null,
        tools: ['Bash'],
        ask: [],
        mcpServers: [],
      });
    await sql`insert into longhaul.sessions (id, agent, is_managed) values (${sessionId}, 'coder', true)`.execute(
      store.database.sql,
    );
    await sql`
      insert into longhaul.managed_sessions (id, agent_id, agent_version, agent, definition, environment_id, metadata)
      values (${sessionId}, 'agent_x', 1, '{}', ${define('claude-haiku-4-5')}, 'env_default', '{}')`.execute(
      store.database.sql,
    );
    expect((await run('hello', { sessionId })).starts).toEqual(['cold']);
    const second = await run('hello', { sessionId });
    expect(second).toMatchObject({ status: 'succeeded', starts: ['warm'] });
    expect(second.requests[0]!.model).toBe('claude-haiku-4-5');
    await sql`update longhaul.managed_sessions set definition = ${define('claude-opus-4-5')} where id = ${sessionId}`.execute(
      store.database.sql,
    );
    const third = await run('hello', { sessionId });
    expect(third).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    expect(third.requests[0]!.model).toBe('claude-opus-4-5');
  });

  it('finds no process with keepWarmSeconds 0, with a directory per run, and after the time', async () => {
    for (const agent of ['cold', 'single', 'brief']) {
      const first = await run('hello', { agent });
      await untilNoProcess();
      const second = await run('hello', { agent, sessionId: first.sessionId });
      expect(second).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    }
  });

  it('has a new process when its process has died', async () => {
    const first = await run('hello');
    for (const { pid } of await processes()) process.kill(pid, 'SIGKILL');
    const second = await run('hello', { sessionId: first.sessionId });
    expect(second).toMatchObject({ status: 'succeeded', starts: ['cold'] });
    expect(JSON.stringify(second.requests[0]!.body['messages']).match(/hello/g)).toHaveLength(2);
  });

  it('finds no process when memory has become short', async () => {
    const first = await run('hello');
    expect(await marks()).toHaveLength(1);
    freeBytes = 0.5 * GB;
    await untilNoProcess();
    freeBytes = 1.5 * GB;
    const second = await run('hello', { sessionId: first.sessionId });
    expect(second).toMatchObject({ status: 'succeeded', starts: ['cold'] });
  });

  it('finds its process among at most as many as there are free slots', async () => {
    const first = await run('hello');
    const second = await run('hello');
    const third = await run('hello');
    await expect.poll(async () => (await marks()).length).toBe(2);
    expect((await run('hello', { sessionId: first.sessionId })).starts).toEqual(['cold']);
    expect((await run('hello', { sessionId: third.sessionId })).starts).toEqual(['warm']);
    expect((await run('hello', { sessionId: second.sessionId })).starts).toEqual(['cold']);
  });

  it('continues in a process that was started in advance', async () => {
    await worker.stop();
    await startWorker(['spared']);
    await expect.poll(processes, { timeout: PROCESS_TIMEOUT_MS }).not.toEqual([]);
    const first = await run('bash: true', { agent: 'spared' });
    expect(first.starts).toEqual(['spare']);
    const second = await run('bash: true', { agent: 'spared', sessionId: first.sessionId });
    expect(second).toMatchObject({ status: 'succeeded', starts: ['warm'] });
  });
});

interface Submission {
  readonly agent?: string;
  readonly sessionId?: string;
  readonly limits?: Partial<RunLimits>;
  readonly user?: string;
}

const script = ({ body, toolResults }: ModelRequest): Turn => {
  const { prompt, calls } = readLatest(body.messages);
  if (prompt.startsWith('bash: ')) {
    return toolResults.length > 0 ? turn(say('Done.')) : turn(useTool('Bash', { command: prompt.slice(6) }));
  }
  if (prompt === 'thrice') return calls < 2 ? turn(useTool('Bash', { command: 'true' })) : turn(say('Done.'));
  if (prompt === 'for ever') return turn(useTool('Bash', { command: 'true' }));
  if (prompt === 'fail') return fail(400);
  if (prompt === 'hang') return hang();
  return turn(say('Hello.'));
};

/** Returns the latest prompt of a conversation, and the number of the model's answers since. */
function readLatest(messages: ModelRequest['body']['messages']): { prompt: string; calls: number } {
  const prompts = messages.map(({ role, content }) => {
    const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    const texts = role === 'user' ? parts.filter(({ type }) => type === 'text') : [];
    return texts
      .map((part) => String((part as { text?: unknown }).text))
      .filter((text) => !text.startsWith('<system-reminder>'));
  });
  const at = prompts.findLastIndex((texts) => texts.length > 0);
  const calls = messages.slice(at + 1).filter(({ role }) => role === 'assistant').length;
  return { prompt: prompts[at]?.at(-1) ?? '', calls };
}
