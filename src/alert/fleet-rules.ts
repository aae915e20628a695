import type { AttemptCount } from './alert-facts.ts';
import { plural, type Finding, type Rule } from './rule.ts';

/** How far back "lately" reaches: an alert about something that happened lasts as long after the last time. */
const LATELY_MINUTES = 15;

/** A worker says that it is there every 10 s. One that is this long overdue has died, or has lost the database. */
const SILENT_MS = 60_000;

/** Workers that an alert names. */
const MOST_LISTED = 20;

function lately(now: Date): Date {
  return new Date(now.getTime() - LATELY_MINUTES * 60_000);
}

/** More runs wait in a queue than should. */
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
        detail: `More than ${queueDepth} wait, the oldest for ${Math.round(oldestWaitSeconds ?? 0)} s. Add workers or slots, or see whether the queue is paused.`,
        data: { queue, waiting, oldestWaitSeconds, threshold: queueDepth },
      }));
  },
};

/** Agents that stopped responding and were ended. */
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

/** The Claude Code executable is not there: every run fails until it is. */
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

/** Workers that are gone without having left. */
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
        detail: `In the last ${LATELY_MINUTES} min ${plural(workers.length, 'worker')} stopped without leaving${hosts.length > 0 ? ` (on ${hosts.join(', ')})` : ''}; ${plural(attempts, 'attempt')} ended with them and ${attempts === 1 ? 'is' : 'are'} taken over where that is allowed.`,
        data: { workers: workers.slice(0, MOST_LISTED), lost: workers.length, attempts, windowMinutes: LATELY_MINUTES },
      },
    ];
  },
};

/** Workers that claim nothing because their machine lacks something: room on a disk, file descriptors. */
export const workerFault: Rule = {
  name: 'worker_fault',
  isRepeated: true,
  calm: 1,
  async find({ facts, now }) {
    const { faulty, sound } = await facts.faultyWorkers({ since: new Date(now.getTime() - SILENT_MS) });
    const [first] = faulty;
    if (first === undefined) return [];
    const others =
      faulty.length === 1 ? '' : `, and so ${faulty.length === 2 ? 'does 1 more' : `do ${faulty.length - 1} more`}`;
    return [
      {
        key: 'worker_fault',
        severity: sound === 0 ? 'critical' : 'warning',
        title: `${plural(faulty.length, 'worker')} cannot work for ${faulty.length === 1 ? 'a fault of its machine' : 'faults of their machines'}`,
        detail: `On ${first.host}: ${first.fault}${others}. Their runs stay in line${sound === 0 ? ', and no other worker is there' : ' for other workers'}. They go on by themselves when there is what they lack.`,
        data: { workers: faulty.slice(0, MOST_LISTED), faulty: faulty.length, sound },
      },
    ];
  },
};

/** How long a run is in line before it is told that nobody takes it: a worker that starts again is there by then. */
const UNSERVED_MS = 5 * 60_000;

/** Runs in line of agents that no worker takes: with an agent that left the configuration they would wait for ever. */
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
        title: `Runs of ${plural(unserved.length, 'agent')} wait for a worker that takes them`,
        detail: `For ${UNSERVED_MS / 60_000} min and more, by agent: ${names}. No worker that is there has the agent in its configuration. Start one that has, or cancel the runs.`,
        data: { agents, unserved: unserved.length },
      },
    ];
  },
};

/** Workers whose event loop stood still: nothing they do goes on meanwhile, and their leases may run out. */
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
        title: `${plural(workers.length, 'worker')} stood still`,
        detail: `In the last ${LATELY_MINUTES} min the event loop of ${plural(workers.length, 'worker')} did nothing for up to ${Math.round(longest.stallMs / 1_000)} s (on ${longest.host}). Is the machine short of processors or memory? A worker that stands still for longer than worker.maxStallSeconds is ended.`,
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
