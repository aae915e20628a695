import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../config/resolve.ts';
import type { StateCount } from '../run/read/read-queue-states.ts';
import { toScaling, type ScalingFacts } from './scaling.ts';

const config = resolveConfig({
  input: {
    agents: { free: { tools: [] }, narrow: { tools: [], concurrent: 2 } },
    limits: { global: { concurrent: 10 } },
    worker: { slots: 4 },
  },
  baseDir: '/',
  env: {},
});

function count(changes: Partial<StateCount>): StateCount {
  const { runs = 1 } = changes;
  return { queue: 'free', agent: 'free', state: 'ready', runs, startable: runs, oldestWaitSeconds: 1, ...changes };
}

function scale(states: readonly StateCount[]) {
  const memory = { slotBytes: 1, isMeasured: false, workerBytes: 0 };
  const facts: ScalingFacts = { states, pausedQueues: new Set(), limits: [], workers: [], memory };
  return toScaling(facts, config);
}

describe('the need for slots', () => {
  it('counts the runs that the limit of an agent lets begin', () => {
    const found = scale([
      count({ queue: 'narrow', agent: 'narrow', runs: 50 }),
      count({ queue: 'narrow', agent: 'narrow', state: 'running', runs: 1 }),
    ]);
    expect(found).toMatchObject({ wantedSlots: 2, running: 1, ready: 1, wantedWorkers: 1 });
    expect(found.queues.get('narrow')!.states).toMatchObject({ ready: 1, held: 49 });
  });

  it('counts the runs that the limits of users let begin', () => {
    expect(scale([count({ runs: 50, startable: 3 })]).wantedSlots).toBe(3);
  });

  it('stays below the limit of all runs', () => {
    expect(scale([count({ runs: 50 }), count({ state: 'running', runs: 4 })])).toMatchObject({
      wantedSlots: 10,
      wantedWorkers: 3,
    });
  });

  it('has every queue of the configuration, also an empty one', () => {
    expect([...scale([]).queues.keys()]).toEqual(['free', 'narrow']);
    expect(scale([])).toMatchObject({ wantedSlots: 0, wantedWorkers: 0, oldestWaitSeconds: null });
  });
});
