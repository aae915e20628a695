import { mkdir, mkdtemp, readdir, readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listProcesses } from '../agent/process-tree/process-table.ts';
import type { Agent } from '../config/config.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { createId } from '../core/ids.ts';
import { createLog } from '../core/log.ts';
import { ownIdentity } from '../core/process-identity.ts';
import { toUserKey } from '../core/user-key.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import type { Run } from '../run/run.ts';
import { say, startScriptedModel, type ScriptedModel } from '../testing/index.ts';
import { createSpares, type Spares } from './spares.ts';

describe('processes that wait for a run', () => {
  let directory: string;
  let model: ScriptedModel;
  let gateway: Gateway;
  const pools: Spares[] = [];

  beforeEach(async () => {
    directory = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-spares-')));
    model = await startScriptedModel({ script: [say('hello')] });
    gateway = await createGateway({
      providers: new Map([['default', { upstream: { baseUrl: model.url, headers: {} } }]]),
      silenceMs: 45_000,
    });
  });

  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.stop()));
    await gateway.close();
    await model.close();
    await rm(directory, { recursive: true, force: true });
  });

  function open(agents: LonghaulConfig['agents'], parts: Partial<Parameters<typeof createSpares>[0]> = {}) {
    const config = resolveConfig({ input: { agents }, baseDir: directory, env: {} });
    const waiters = new Set<() => void>();
    const pool = createSpares({
      agents: config.agents,
      slots: 4,
      gateway,
      claudePath: undefined,
      scratchRoot: path.join(directory, 'scratch'),
      dataDir: path.join(directory, '.longhaul'),
      mayStart: () => true,
      onChange: () => waiters.forEach((wake) => wake()),
      log: createLog('silent'),
      ...parts,
    });
    pools.push(pool);
    /** Resolves when the pool is in the expected state. */
    const until = (isTrue: () => boolean) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!isTrue()) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      });
    return { pool, until, agent: (name: string) => config.agents.get(name)! };
  }

  const runOf = (agent: Agent, parts: Partial<Run> = {}) =>
    ({ id: createId(), sessionId: createId(), user: null, tenant: null, limits: agent.limits, ...parts }) as Run;
  const processes = async () => (await listProcesses()).filter(({ worker }) => worker === ownIdentity());
  const marked = async (mark: string) => (await processes()).filter(({ attemptId }) => attemptId === mark);

  it('are as many as the agent is configured for, and are replaced when taken', async () => {
    const { pool, until, agent } = open({ reader: { tools: [], prewarm: 2 }, other: { tools: [] } });
    await until(() => pool.readyFor(['reader']) === 2);
    expect(pool.readyFor(['other'])).toBe(0);
    const spare = await pool.take(runOf(agent('reader')), agent('reader'));
    expect(spare?.process.isFree).toBe(true);
    pool.reconcile();
    await until(() => pool.readyFor(['reader']) === 2);
    expect(pool.count).toBe(2);
    await spare?.process.close();
    spare?.lane.close();
  });

  it('are as many as were recently needed at once, and none if none are configured', async () => {
    const { pool, until, agent } = open({ reader: { tools: [] }, plain: { tools: [], prewarm: false } });
    expect(pool.count).toBe(0);
    expect(await pool.take(runOf(agent('plain')), agent('plain'))).toBeNull();
    expect(await pool.take(runOf(agent('reader')), agent('reader'))).toBeNull();
    expect(await pool.take(runOf(agent('reader')), agent('reader'))).toBeNull();
    pool.reconcile();
    await until(() => pool.readyFor(['reader']) === 2);
    expect(pool.readyFor(['plain'])).toBe(0);
  });

  it('are started for the slots that are free, and for the next that will be', async () => {
    let running = 3;
    const { pool, until, agent } = open({ reader: { tools: [] } }, { slots: 3, runningCount: () => running });
    for (let count = 0; count < 3; count++) expect(await pool.take(runOf(agent('reader')), agent('reader'))).toBeNull();
    pool.reconcile();
    await until(() => pool.readyFor(['reader']) === 1);
    pool.reconcile();
    expect(pool.count + pool.startingCount).toBe(1);
    running = 1;
    pool.reconcile();
    await until(() => pool.readyFor(['reader']) === 3);
    // Processes that have been started stay.
    running = 3;
    pool.reconcile();
    expect(pool.count).toBe(3);
  });

  it('wait in a directory that then belongs to the run', async () => {
    const { pool, until, agent } = open({ coder: { tools: ['Write'], workspace: './work', prewarm: 1 } });
    await until(() => pool.readyFor(['coder']) === 1);
    const run = runOf(agent('coder'));
    const spare = (await pool.take(run, agent('coder')))!;
    expect(path.dirname(spare.workspaceDir)).toBe(path.join(directory, 'work'));
    expect(await readlink(path.join(directory, 'work', run.id))).toBe(path.basename(spare.workspaceDir));
    await spare.process.close();
    spare.lane.close();
    await pool.stop();
    // The directories that were given to no run are removed.
    expect((await readdir(path.join(directory, 'work'))).sort()).toEqual(
      [run.id, path.basename(spare.workspaceDir)].sort(),
    );
  });

  it('are only for runs with the limits they were started with', async () => {
    const { pool, until, agent } = open({ reader: { tools: [], prewarm: 1 } });
    await until(() => pool.readyFor(['reader']) === 1);
    const lower = { ...agent('reader').limits, maxTurns: 1 };
    expect(await pool.take(runOf(agent('reader'), { limits: lower }), agent('reader'))).toBeNull();
    expect(pool.readyFor(['reader'])).toBe(1);
    // The gateway enforces the cost of a run: a process does not know it.
    const cheaper = { ...agent('reader').limits, maxBudgetUsd: 0.1 };
    const spare = await pool.take(runOf(agent('reader'), { limits: cheaper }), agent('reader'));
    expect(spare).not.toBeNull();
    await spare?.process.close();
    spare?.lane.close();
  });

  it('serve the same user again, and never another', async () => {
    await mkdir(path.join(directory, 'shared'));
    const { pool, until, agent } = open({
      reader: { tools: [], prewarm: false, reuse: true, workspace: { root: './shared', mode: 'shared' } },
      feeder: { tools: [], prewarm: 1, workspace: { root: './shared', mode: 'shared' } },
    });
    await until(() => pool.readyFor(['feeder']) === 1);
    // A process of the agent itself, which keeps none waiting before it has served a run.
    const spare = { ...(await pool.take(runOf(agent('feeder')), agent('feeder')))!, agent: agent('reader') };
    pool.keep(spare, toUserKey({ user: 'ann', tenant: 'north' }));
    for (const other of [
      { user: 'bob', tenant: 'north' },
      { user: 'ann', tenant: 'south' },
      { user: 'ann', tenant: null },
      { user: null, tenant: null },
    ]) {
      expect(await pool.take(runOf(agent('reader'), other), agent('reader'))).toBeNull();
    }
    const again = await pool.take(runOf(agent('reader'), { user: 'ann', tenant: 'north' }), agent('reader'));
    expect(again?.process).toBe(spare.process);
    await spare.process.close();
    spare.lane.close();
  });

  it('are replaced when they are old or have died', async () => {
    const { pool, until } = open({ reader: { tools: [], prewarm: 1 } }, { maxAgeMs: 3_000 });
    await until(() => pool.readyFor(['reader']) === 1);
    const [first] = await processes();
    const mark = first!.attemptId!;
    await expect.poll(async () => marked(mark), { timeout: 15_000 }).toEqual([]);
    await until(() => pool.readyFor(['reader']) === 1);
    const [second] = await processes();
    process.kill(second!.pid, 'SIGKILL');
    await expect.poll(async () => marked(second!.attemptId!), { timeout: 15_000 }).toEqual([]);
    await until(() => pool.readyFor(['reader']) === 1);
  });

  it('are given up when memory is short, the oldest first', async () => {
    let isRoom = true;
    const { pool, until } = open({ reader: { tools: [], prewarm: 2 } }, { mayStart: () => isRoom });
    await until(() => pool.readyFor(['reader']) === 2);
    isRoom = false;
    pool.giveUpOldest();
    expect(pool.count).toBe(1);
    pool.reconcile();
    expect(pool.count).toBe(1);
    pool.giveUpOldest();
    pool.giveUpOldest();
    expect(pool.count).toBe(0);
  });

  it('are not started again at once after a failed start', async () => {
    const { pool, until } = open({ reader: { tools: [], prewarm: 1 } }, { claudePath: '/nowhere/claude' });
    await until(() => pool.count === 0 && pool.startingCount === 0);
    pool.reconcile();
    expect(pool.startingCount).toBe(0);
  });

  it('leave nothing behind when the worker stops, even while they start', async () => {
    const { pool } = open({ reader: { tools: [], prewarm: 3 } });
    await expect.poll(() => pool.count).toBe(3);
    await pool.stop();
    expect(await processes()).toEqual([]);
    expect(await readdir(path.join(directory, 'scratch')).catch(() => [])).toEqual([]);
  });
});
