import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectLog } from '../core/log.fixture.ts';
import type { MachineFault } from '../core/machine-fault.ts';
import { createMachinePauses, type MachinePauses } from './machine-pauses.ts';
import { createScratchRoot } from './scratch.ts';

const FULL: MachineFault = { code: 'ENOSPC', message: 'ENOSPC: no space left on device' };
const NO_FILES: MachineFault = { code: 'EMFILE', message: 'EMFILE: too many open files' };

describe('the reason why a worker stops claiming', () => {
  let directory: string;
  let machine: MachinePauses;
  let changes: number;
  let log: ReturnType<typeof collectLog>;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-pauses-'));
    log = collectLog();
    changes = 0;
  });
  afterEach(async () => {
    machine.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const scratchRoot = () => path.join(directory, 'scratch');
  const create = (waitsMs = { first: 20, longest: 80 }) => {
    machine = createMachinePauses({
      ensureScratch: async () => void (await mkdir(scratchRoot(), { recursive: true })),
      scratchRoot: scratchRoot(),
      onChange: () => (changes += 1),
      log: log.log,
      waitsMs,
    });
    return machine;
  };
  const retriesOf = () =>
    log.lines.flatMap(({ retrySeconds }) => (typeof retrySeconds === 'number' ? [retrySeconds] : []));

  it('is null if attempts can write, and a probe leaves nothing behind', async () => {
    create();
    expect(await machine.probe()).toBeNull();
    expect(machine.reason).toBeNull();
    expect(machine.isPaused(['reader'])).toBe(false);
    expect(await readdir(scratchRoot())).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  it("is a fault of the worker's directory, for all agents, logged once, until a probe is written", async () => {
    create();
    await writeFile(scratchRoot(), 'in the way');
    const fault = await machine.probe();
    expect(fault?.code).toBe('EEXIST');
    machine.note(FULL);
    expect(machine.reason).toBe(FULL.message);
    expect(machine.isPaused(['any'])).toBe(true);
    // Probed several times meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(machine.isPaused(['any'])).toBe(true);
    await rm(scratchRoot());
    await expect.poll(() => machine.reason).toBeNull();
    expect(log.lines.map(({ level }) => level)).toEqual(['error', 'info']);
    expect(changes).toBe(2);
  });

  it("is a full disk of one agent's workspaces only for that agent, but a fault of the whole machine for all agents", async () => {
    create();
    const root = path.join(directory, 'workspaces');
    await writeFile(root, 'in the way');
    machine.note(FULL, { agent: 'writer', root });
    expect(machine.isPaused(['writer', 'reader'])).toBe(true);
    expect(machine.isPaused(['reader'])).toBe(false);
    expect(machine.reason).toBe(`agent "writer": ${FULL.message}`);
    machine.note(NO_FILES, { agent: 'writer', root });
    expect(machine.isPaused(['reader'])).toBe(true);
    await rm(root);
    await expect.poll(() => machine.reason).toBeNull();
  });

  it('lasts longer each time it returns after a written probe, until an attempt has begun', async () => {
    create();
    for (let times = 0; times < 4; times++) {
      machine.note(FULL);
      await expect.poll(() => machine.reason).toBeNull();
    }
    machine.noteBegun();
    machine.note(FULL);
    expect(retriesOf()).toEqual([0.02, 0.04, 0.08, 0.08, 0.02]);
  });
});

describe('the scratch directory of a worker', () => {
  it('is created again after a cleanup tool removed it, and never belongs to another user', async () => {
    const scratch = createScratchRoot();
    await scratch.ensure();
    await rm(scratch.path, { recursive: true });
    await scratch.ensure();
    expect(await readdir(scratch.path)).toEqual(['owner']);
    await scratch.remove();
    await writeFile(scratch.path, 'in the way');
    await expect(scratch.ensure()).rejects.toMatchObject({ name: 'MachineFaultError', code: 'EEXIST' });
    await rm(scratch.path);
  });
});
