import { plural } from '../core/plural.ts';
import type { AttemptCount } from './alert-facts.ts';
import type { Finding, Rule } from './rule.ts';

/** Length of the recent period: an alert about an event lasts this long after the last event. */
const LATELY_MINUTES = 15;

/** A worker sends a heartbeat every 10 s. If it is this long overdue, the worker has died, or has lost the database. */
const SILENT_MS = 60_000;

/** Maximum number of workers that an alert names. */
const MOST_LISTED = 20;

function lately(now: Date): Date {
  return new Date(now.getTime() - LATELY_MINUTES * 60_000);
}

/** Finds queues with too many waiting runs. */
export const queueDepth: Rule = {
  name: 'queue_depth',
  isRepeated: true,
  calm: 2,
  async find({ facts, alerts }) {
    const { queueDepth } = alerts;
    if (queueDepth === null) return [];
    return (await facts.queueDepths())
      .filter(({ waiting }) => waiting > queueDepth)
      .map(({ queue, waiting, oldestWaitSeconds }) => ({
        key: `queue_depth:${queue}`,
        severity: 'warning',
        title: `${plural(waiting, 'run')} wait in queue ${queue}`,
        detail: `More than ${queueDepth} wait, the oldest for ${Math.round(oldestWaitSeconds ?? 0)} s. Add workers or slots, or check whether the queue is paused.`,
        data: { queue, waiting, oldestWaitSeconds, threshold: queueDepth },
      }));
  },
};

/** Finds attempts that stopped responding and were ended. */
export const hungRuns: Rule = {
  name: 'hung_runs',
  isRepeated: true,
  calm: 1,
  find: async ({ facts, now }) =>
    toFinding(await facts.hungRuns({ since: lately(now) }), {
      key: 'hung_runs',
      severity: 'warning',
      title: (attempts) =>
        `${plural(attempts, 'attempt')} stopped responding and ${attempts === 1 ? 'was' : 'were'} ended`,
    }),
};

/** Finds a missing Claude Code executable: every run fails until it is installed. */
export const executableMissing: Rule = {
  name: 'executable_missing',
  isRepeated: true,
  calm: 1,
  find: async ({ facts, now }) =>
    toFinding(await facts.missingExecutables({ since: lately(now) }), {
      key: 'executable_missing',
      severity: 'critical',
      title: () => 'The Claude Code executable was not found: every run fails until it is',
    }),
};

/** Finds workers that are gone without a stop. */
export const workerLost: Rule = {
  name: 'worker_lost',
  isRepeated: true,
  calm: 1,
  async find({ facts, now }) {
    const workers = await facts.lostWorkers({ since: lately(now), silentUntil: new Date(now.getTime() - SILENT_MS) });
    if (workers.length === 0) return [];
    const attempts = workers.reduce((sum, worker) => sum + worker.attempts, 0);
    const hosts = [...new Set(workers.map(({ host }) => host).filter((host) => host !== null))].slice(0, MOST_LISTED);
    return [
      {
        key: 'worker_lost',
        severity: 'warning',
        title: `${plural(workers.length, 'worker')} ${workers.length === 1 ? 'was' : 'were'} lost`,
        detail: `In the last ${LATELY_MINUTES} min ${plural(workers.length, 'worker')} died or lost contact${hosts.length > 0 ? ` (on ${hosts.join(', ')})` : ''}; ${plural(attempts, 'attempt')} ended with them and ${attempts === 1 ? 'is' : 'are'} retried if that is allowed.`,
        data: { workers: workers.slice(0, MOST_LISTED), lost: workers.length, attempts, windowMinutes: LATELY_MINUTES },
      },
    ];
  },
};

/** Finds workers that claim nothing because their machine lacks a resource, such as disk space or file descriptors. */
export const workerFault: Rule = {
  name: 'worker_fault',
  isRepeated: true,
  calm: 1,
  async find({ facts, now }) {
    const { faulty, sound } = await facts.faultyWorkers({ since: new Date(now.getTime() - SILENT_MS) });
    const [first] = faulty;
    if (first === undefined) return [];
    const others =
      faulty.length === 1
        ? ''
        : `, and ${faulty.length === 2 ? '1 more worker has' : `${faulty.length - 1} more workers have`} a fault`;
    return [
      {
        key: 'worker_fault',
        severity: sound === 0 ? 'critical' : 'warning',
        title: `${plural(faulty.length, 'worker')} cannot work because of ${faulty.length === 1 ? 'a fault of its machine' : 'faults of their machines'}`,
        detail: `On ${first.host}: ${first.fault}${others}. Runs stay queued${sound === 0 ? ', and no other worker is available' : ' for other workers'}. The workers resume by themselves when the fault is fixed.`,
        data: { workers: faulty.slice(0, MOST_LISTED), faulty: faulty.length, sound },
      },
    ];
  },
};

/** Time that a run is queued before the alert: a worker that restarts is available again by then. */
const UNSERVED_MS = 5 * 60_000;

/**
 * Finds queued runs of agents that no worker takes: for example, runs of an agent that was removed from the
 * configuration would wait forever.
 */
export const agentUnserved: Rule = {
  name: 'agent_unserved',
  isRepeated: true,
  calm: 1,
  async find({ facts, now }) {
    const unserved = await facts.unservedAgents({
      since: new Date(now.getTime() - SILENT_MS),
      readyBefore: new Date(now.getTime() - UNSERVED_MS),
    });
    if (unserved.length === 0) return [];
    const agents = unserved.slice(0, MOST_LISTED);
    const names = agents.map(({ agent, runs }) => `${agent} ${runs}`).join(', ');
    return [
      {
        key: 'agent_unserved',
        severity: 'critical',
        title: `Runs of ${plural(unserved.length, 'agent')} wait, but no worker takes them`,
        detail: `Queued for ${UNSERVED_MS / 60_000} min or more, by agent: ${names}. No live worker has the agent in its configuration. Start a worker that has it, or cancel the runs.`,
        data: { agents, unserved: unserved.length },
      },
    ];
  },
};

/** Finds workers whose event loop was blocked: meanwhile they do no work, and their leases may expire. */
export const workerStalled: Rule = {
  name: 'worker_stalled',
  isRepeated: true,
  calm: 1,
  async find({ facts, now }) {
    const workers = await facts.stalledWorkers({ since: lately(now) });
    const [longest] = workers;
    if (longest === undefined) return [];
    return [
      {
        key: 'worker_stalled',
        severity: 'warning',
        title: `${plural(workers.length, 'worker')} ${workers.length === 1 ? 'was' : 'were'} blocked`,
        detail: `In the last ${LATELY_MINUTES} min the event loop of ${plural(workers.length, 'worker')} was blocked for up to ${Math.round(longest.stallMs / 1_000)} s (on ${longest.host}). Check whether the machine is short of processors or memory. A worker that is blocked for longer than worker.maxStallSeconds is ended.`,
        data: { workers: workers.slice(0, MOST_LISTED), stalled: workers.length, windowMinutes: LATELY_MINUTES },
      },
    ];
  },
};

interface Words {
  readonly key: string;
  readonly severity: Finding['severity'];
  readonly title: (attempts: number) => string;
}

function toFinding(counts: readonly AttemptCount[], { key, severity, title }: Words): Finding[] {
  if (counts.length === 0) return [];
  const attempts = counts.reduce((sum, count) => sum + count.attempts, 0);
  const agents = counts.map((count) => `${count.agent || 'unknown'} ${count.attempts}`).join(', ');
  return [
    {
      key,
      severity,
      title: title(attempts),
      detail: `In the last ${LATELY_MINUTES} min, by agent: ${agents}.`,
      data: { attempts, agents: counts, windowMinutes: LATELY_MINUTES },
    },
  ];
}
