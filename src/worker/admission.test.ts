import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../config/resolve.ts';
import { createAdmission, type RunningAttempt } from './admission.ts';

const MB = 1_000_000;

const { agents } = resolveConfig({
  input: {
    agents: { small: { tools: [], queue: 'shared' }, coder: { tools: [], queue: 'shared' }, alone: { tools: [] } },
  },
  baseDir: '/',
  env: {},
});

/** A worker with four slots, on a machine of 1,000 MB: 50 of them stay free. */
function createTestAdmission(setup: {
  freeMb: number;
  needsMb?: Record<string, number>;
  maxStarts?: number;
  waiting?: { startingCount: number; ready: Record<string, number> };
}) {
  const needs = new Map(Object.entries(setup.needsMb ?? {}));
  const state = {
    freeMb: setup.freeMb,
    running: [] as RunningAttempt[],
    changes: 0,
    warnings: [] as string[],
    infos: 0,
    sheds: 0,
  };
  const { waiting } = setup;
  const admission = createAdmission({
    agents,
    slots: 4,
    maxStarts: setup.maxStarts ?? 16,
    running: () => state.running,
    waiting: () =>
      waiting === undefined
        ? null
        : {
            startingCount: waiting.startingCount,
            readyFor: (names) => names.reduce((sum, name) => sum + (waiting.ready[name] ?? 0), 0),
          },
    estimates: {
      of: (agent) => ({ bytes: (needs.get(agent) ?? 100) * MB, isMeasured: needs.has(agent) }),
      raise: (agent, bytes) => void needs.set(agent, Math.max(needs.get(agent) ?? 0, bytes / MB)),
    },
    readFreeMemory: () => ({ freeBytes: state.freeMb * MB, limitBytes: 1_000 * MB, cgroupLimitBytes: null }),
    log: {
      warn: (_: unknown, text?: string) => void state.warnings.push(text ?? ''),
      info: () => void (state.infos += 1),
    },
    onShort: () => void (state.sheds += 1),
    onChange: () => void (state.changes += 1),
  });
  return { admission, state };
}

const attempt = (parts: Partial<RunningAttempt> = {}): RunningAttempt => ({
  agent: 'small',
  isStarting: false,
  residentBytes: () => 100 * MB,
  ...parts,
});

describe('the number of runs that may be claimed', () => {
  it('is the number of free slots if there is memory for them', () => {
    const { admission, state } = createTestAdmission({ freeMb: 1_000 });
    expect(admission.freeSlots('shared')).toBe(4);
    state.running = [attempt(), attempt(), attempt()];
    expect(admission.freeSlots('shared')).toBe(1);
    state.running.push(attempt());
    expect(admission.freeSlots('shared')).toBe(0);
    expect(admission.holdingReason).toBeNull();
  });

  it("depends on the queue's agent that needs the most memory, and leaves 5 % of the memory free", () => {
    const { admission, state } = createTestAdmission({ freeMb: 850, needsMb: { coder: 400, small: 100, alone: 200 } });
    expect(admission.freeSlots('shared')).toBe(2);
    expect(admission.freeSlots('alone')).toBe(4);
    state.freeMb = 849;
    expect(admission.freeSlots('shared')).toBe(1);
  });

  it('reserves the memory that running attempts may still need, all of it for unmeasured attempts', () => {
    const { admission, state } = createTestAdmission({ freeMb: 650, needsMb: { coder: 300, alone: 100 } });
    state.running = [attempt({ agent: 'coder', residentBytes: () => 200 * MB })];
    expect(admission.freeSlots('alone')).toBe(3); // 650 less 50 less 100: room for five, and three slots.
    state.running = [attempt({ agent: 'coder', residentBytes: () => null })];
    state.freeMb = 550;
    expect(admission.freeSlots('alone')).toBe(2);
  });

  it('uses the measured memory of a running attempt at once', () => {
    const { admission, state } = createTestAdmission({ freeMb: 550, needsMb: { alone: 100 } });
    state.running = [attempt({ agent: 'alone', residentBytes: () => 300 * MB })];
    expect(admission.freeSlots('alone')).toBe(1);
  });

  it('is zero while as many processes are starting as the machine can start well', () => {
    const { admission, state } = createTestAdmission({ freeMb: 1_000, maxStarts: 2 });
    expect(admission.freeSlots('shared')).toBe(2);
    state.running = [attempt({ isStarting: true }), attempt({ isStarting: true })];
    expect(admission.freeSlots('shared')).toBe(0);
    expect(admission.holdingReason).toBeNull();
    state.running = [attempt({ isStarting: true }), attempt()];
    expect(admission.freeSlots('shared')).toBe(1);
  });

  it('is zero for a queue without an agent', () => {
    expect(createTestAdmission({ freeMb: 1_000 }).admission.freeSlots('unknown')).toBe(0);
  });
});

describe('a worker that is short of memory', () => {
  it('reports the reason, and logs it once', () => {
    const { admission, state } = createTestAdmission({ freeMb: 230, needsMb: { coder: 410 } });
    expect(admission.freeSlots('shared')).toBe(0);
    expect(admission.holdingReason).toBe('needs 410 MB for agent "coder", 180 MB are free');
    state.freeMb = 330;
    expect(admission.freeSlots('shared')).toBe(0);
    expect(admission.holdingReason).toBe('needs 410 MB for agent "coder", 280 MB are free');
    expect(state).toMatchObject({
      changes: 1,
      warnings: ['runs stay queued: needs 410 MB for agent "coder", 180 MB are free'],
    });

    state.freeMb = 460;
    expect(admission.freeSlots('shared')).toBe(1);
    expect(admission.holdingReason).toBeNull();
    expect(state).toMatchObject({ changes: 2, infos: 1 });

    // At its memory limit a worker stops claiming with every run that starts: that is not worth a log line.
    state.freeMb = 330;
    expect(admission.freeSlots('shared')).toBe(0);
    expect(admission.holdingReason).toContain('280 MB are free');
    expect(state).toMatchObject({ changes: 3, warnings: { length: 1 } });
  });

  it('reports that a need is assumed while none was measured', () => {
    const { admission } = createTestAdmission({ freeMb: 90 });
    expect(admission.freeSlots('alone')).toBe(0);
    expect(admission.holdingReason).toBe('needs 100 MB (assumed) for agent "alone", 40 MB are free');
  });

  it('leaves the runs of one queue and claims runs of another', () => {
    const { admission } = createTestAdmission({ freeMb: 250, needsMb: { coder: 410, alone: 100 } });
    expect(admission.freeSlots('shared')).toBe(0);
    expect(admission.freeSlots('alone')).toBe(2);
    expect(admission.holdingReason).toContain('agent "coder"');
  });
});

describe('processes that wait for a run', () => {
  it('let a run start even though no other process may start now', () => {
    const waiting = { startingCount: 1, ready: { alone: 2 } };
    const { admission, state } = createTestAdmission({ freeMb: 1_000, maxStarts: 2, waiting });
    state.running = [attempt({ isStarting: true })];
    expect(admission.freeSlots('alone')).toBe(2);
    expect(admission.freeSlots('shared')).toBe(0);
    expect(admission.mayStart({ name: 'alone' })).toBe(false);
  });

  it('already use a part of the memory that their runs need', () => {
    const waiting = { startingCount: 0, ready: { alone: 2 } };
    const { admission, state } = createTestAdmission({ freeMb: 130, needsMb: { alone: 200, coder: 200 }, waiting });
    expect(admission.freeSlots('alone')).toBe(2);
    expect(admission.freeSlots('shared')).toBe(0);
    state.freeMb = 330; // Twice 40 and once 200.
    expect(admission.freeSlots('alone')).toBe(3);
  });

  it('start only while no run is starting, and leave room for a new run', () => {
    const waiting = { startingCount: 0, ready: {} };
    const { admission, state } = createTestAdmission({ freeMb: 1_000, maxStarts: 2, waiting });
    expect(admission.mayStart({ name: 'alone' })).toBe(true);
    state.running = [attempt({ isStarting: true })];
    expect(admission.mayStart({ name: 'alone' })).toBe(false);
    state.running = [attempt({ isStarting: false })];
    expect(admission.mayStart({ name: 'alone' })).toBe(true);
    waiting.startingCount = 1;
    expect(admission.mayStart({ name: 'alone' })).toBe(false);
    expect(admission.freeSlots('alone')).toBe(1);
  });

  it('are given up when memory is short for a run, and start only when there is room for another process', () => {
    const waiting = { startingCount: 0, ready: { coder: 1 } };
    const { admission, state } = createTestAdmission({ freeMb: 449, needsMb: { alone: 200, coder: 500 }, waiting });
    expect(admission.mayStart({ name: 'alone' })).toBe(false);
    expect(admission.freeSlots('alone')).toBe(1);
    expect(state.sheds).toBe(0);
    expect(admission.freeSlots('shared')).toBe(0);
    expect(state.sheds).toBe(1);
    state.freeMb = 450;
    expect(admission.mayStart({ name: 'alone' })).toBe(true);
  });
});
