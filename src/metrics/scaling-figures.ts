import type { Config } from '../config/config.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import type { LiveWorker } from '../run/workers.ts';
import { figure, type Figure } from './figure.ts';
import { nameLimits } from './limited-agents.ts';
import { QUEUE_STATES } from './queue-need.ts';
import { toScaling, type ScalingFacts } from './scaling.ts';

/** Converts what decides on the need for slots to gauges. */
export function toScalingFigures(facts: ScalingFacts, config: Config): Figure[] {
  const scaling = toScaling(facts, config);
  const queues = [...scaling.queues].flatMap(([queue, need]) => [
    figure('longhaul_queue_wanted_slots', { queue }, need.wantedSlots),
    figure('longhaul_queue_oldest_wait_seconds', { queue }, need.oldestWaitSeconds ?? 0),
    ...QUEUE_STATES.map((state) => figure('longhaul_queue_runs', { queue, state }, need.states[state])),
  ]);
  return [
    ...toRunFigures(facts, config),
    ...queues,
    figure('longhaul_wanted_slots', {}, scaling.wantedSlots),
    figure('longhaul_wanted_workers', {}, scaling.wantedWorkers),
    figure('longhaul_slot_memory_bytes', {}, scaling.memory.slotBytes),
    ...toWorkerFigures(facts.workers),
    ...nameLimits(facts.limits, config).map((limit) => figure('longhaul_provider_limited', { ...limit }, 1)),
  ];
}

const STATUSES = ['queued', 'running', 'waiting'] as const;

/** The states that belong to the status `waiting`; a waiting run that is due is about to be claimed. */
const WAITING = new Set(['limited', 'budget', 'approval']);

function toRunFigures({ states }: ScalingFacts, { agents }: Config): Figure[] {
  const counts = new Map<string, number>();
  const names = new Set(withoutHealthAgent(agents).map(({ name }) => name));
  for (const { agent, state, runs } of states) {
    const status = state === 'running' ? 'running' : WAITING.has(state) ? 'waiting' : 'queued';
    const key = `${status} ${agent}`;
    counts.set(key, (counts.get(key) ?? 0) + runs);
    names.add(agent);
  }
  return [...names].flatMap((agent) =>
    STATUSES.map((status) => figure('longhaul_runs', { agent, status }, counts.get(`${status} ${agent}`) ?? 0)),
  );
}

function toWorkerFigures(workers: readonly LiveWorker[]): Figure[] {
  const inState = (state: ReturnType<typeof stateOf>) => workers.filter((worker) => stateOf(worker) === state);
  const freeOf = (some: readonly LiveWorker[]) =>
    some.reduce((sum, { slots, running }) => sum + Math.max(0, slots - running), 0);
  const claiming = workers.filter((worker) => stateOf(worker) !== 'draining');
  return [
    ...(['working', 'holding', 'draining'] as const).map((state) =>
      figure('longhaul_workers', { state }, inState(state).length),
    ),
    figure(
      'longhaul_slots',
      { state: 'busy' },
      claiming.reduce((sum, { running }) => sum + running, 0),
    ),
    figure('longhaul_slots', { state: 'free' }, freeOf(inState('working'))),
    figure('longhaul_slots', { state: 'held' }, freeOf(inState('holding'))),
    figure(
      'longhaul_spares',
      {},
      workers.reduce((sum, { spares }) => sum + spares, 0),
    ),
  ];
}

function stateOf({ isDraining, holdingReason }: LiveWorker): 'working' | 'holding' | 'draining' {
  if (isDraining) return 'draining';
  return holdingReason === null ? 'working' : 'holding';
}
