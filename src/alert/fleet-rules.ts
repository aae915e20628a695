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
