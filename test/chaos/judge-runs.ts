import { isDeepStrictEqual } from 'node:util';
import { textOf } from '../../src/client/client.ts';
import { FINAL_EVENT_TYPES } from '../../src/core/events.ts';
import { isFinal } from '../../src/core/states.ts';
import type { SeenRun } from './customers.ts';
import { countBy, judgeEach, type Judgment } from './judgment.ts';
import type { AttemptRecord, EventRecord, Records, RunRecord } from './records.ts';
import { answerOf, type Task } from './task.ts';

const FINAL_TYPES: readonly string[] = FINAL_EVENT_TYPES;

/** Judges the outcomes of the runs, and whether their followers have seen them. */
export function judgeRuns({ records, seen }: { records: Records; seen: readonly SeenRun[] }): Judgment[] {
  const runs = [...records.runs.values()];
  const interruptions = seen.reduce((sum, run) => sum + run.interruptions, 0);
  const recordOf = (run: SeenRun) => records.runs.get(run.planned.task.name);
  const tasks = new Map(seen.map(({ planned }) => [planned.task.name, planned.task]));
  const taskOf = (name: string) => tasks.get(name) ?? null;
  return [
    judgeEach('every submission became one run, however often it was sent', {
      items: seen,
      findProblem(run) {
        const { name } = run.planned.task;
        if (run.problem !== null) return `${name}: ${run.problem}`;
        const ids = new Set(run.ids);
        if (ids.size !== 1) return `${name} became ${ids.size} runs`;
        return ids.has(recordOf(run)?.id ?? '') ? null : `${name} is not in the database`;
      },
      note: `${records.runCount} runs in the database, ${seen.filter(({ planned }) => planned.isSentTwice).length} sent twice`,
    }),
    judgeEach('every run is final', {
      items: runs,
      findProblem: ({ name, status }) => (isFinal(status) ? null : `${name} is ${status}`),
      note: countBy(runs.map(({ status }) => status)),
    }),
    judgeEach('every attempt that failed did so for a reason that the plan or the hand gave', {
      items: runs.flatMap((run) => run.attempts.map((attempt) => ({ run, attempt }))),
      findProblem: ({ run: { name }, attempt }) => findFailureProblem(attempt, taskOf(name)),
      note: countBy(
        runs.flatMap(({ attempts }) => attempts.map((attempt) => attempt.errorCode ?? attempt.outcome ?? 'open')),
      ),
    }),
    judgeSuccesses(runs, taskOf),
    judgeEach('every run ended once, and its last event says how', { items: runs, findProblem: findEndProblem }),
    judgeEach('every log is free of gaps', {
      items: runs,
      findProblem: ({ name, events, lastSeq }) =>
        events.length === lastSeq && events.every(({ seq }, index) => seq === index + 1)
          ? null
          : `${name} has ${events.length} events, the last is ${lastSeq}`,
      note: `${runs.reduce((sum, { events }) => sum + events.length, 0)} events`,
    }),
    judgeEach('every follower saw the whole log once, in order', {
      items: seen,
      findProblem: (run) => findViewProblem(run, recordOf(run)),
      note: `${interruptions} interruptions`,
    }),
    judgeEach('the pieces of every text make the text, and a success its answer', {
      items: seen,
      findProblem: (run) => findTextProblem(run, recordOf(run)),
    }),
  ];
}

/** Codes of a run whose processes were killed, stopped or cut off too often. */
const CAUSED_BY_THE_HAND: readonly (string | null)[] = [
  'worker_lost',
  'poison_run',
  'cli_crashed',
  'cli_start_failed',
  'hung',
  'run_timeout',
  'deadline_exceeded',
  'provider_error',
  'provider_overloaded',
];

function findFailureProblem({ id, outcome, errorCode, errorDetail }: AttemptRecord, task: Task | null): string | null {
  if (outcome !== 'failed' || CAUSED_BY_THE_HAND.includes(errorCode)) return null;
  const isPlanned = task?.endlessFailure === 400 && errorCode === 'provider_invalid_request';
  return isPlanned ? null : `${task?.name}, attempt ${id}: ${errorCode}, ${errorDetail}`;
}

/** The share that must succeed, of the runs that can succeed and are not cancelled. */
const SUCCESSES_LEAST = 0.75;

/** Every other judgment would also hold for a service that fails each run at once. */
function judgeSuccesses(runs: readonly RunRecord[], taskOf: (name: string) => Task | null): Judgment {
  const hopeful = runs.filter(({ name, status }) => status !== 'cancelled' && taskOf(name)?.endlessFailure === null);
  const failed = hopeful.filter(({ status }) => status !== 'succeeded');
  const isEnough = failed.length <= (1 - SUCCESSES_LEAST) * hopeful.length;
  return {
    claim: `of the runs that can succeed, ${SUCCESSES_LEAST * 100} % have`,
    checked: hopeful.length,
    problems: isEnough ? [] : failed.map(({ name, errorCode, errorDetail }) => `${name}: ${errorCode}, ${errorDetail}`),
    note: `${hopeful.length - failed.length} of ${hopeful.length}; ${countBy(runs.flatMap(({ status, errorCode }) => (status === 'failed' ? [errorCode ?? 'none'] : [])))}`,
  };
}

function findEndProblem({ name, status, events }: RunRecord): string | null {
  const final = events.filter(({ type }) => FINAL_TYPES.includes(type));
  if (final.length !== 1) return `${name} has ${final.length} final events`;
  if (final[0] !== events.at(-1)) return `${name} goes on after its end`;
  return final[0]?.type === `run.${status}` ? null : `${name} is ${status}, its last event ${final[0]?.type}`;
}

function findViewProblem({ planned, events, isSeenToItsEnd }: SeenRun, record: RunRecord | undefined): string | null {
  const { name } = planned.task;
  const written = record?.events ?? [];
  const viewed = events.map(({ seq, type, attempt, data }) => ({ seq, type, attempt, data }));
  const place = written.findIndex((event, index) => !isDeepStrictEqual(event, viewed[index]));
  if (place !== -1)
    return `${name}: event ${place + 1} of ${written.length} was seen as ${viewed[place]?.seq ?? 'none'}`;
  if (viewed.length !== written.length) return `${name}: ${viewed.length} events seen of ${written.length}`;
  return isSeenToItsEnd ? null : `${name} was not followed to its end`;
}

function findTextProblem({ planned, events }: SeenRun, record: RunRecord | undefined): string | null {
  const { task } = planned;
  const seen = events as readonly EventRecord[];
  const pieces = Map.groupBy(
    seen.filter(({ type }) => type === 'agent.text.delta'),
    (event) => blockOf(event),
  );
  for (const event of seen.filter(({ type }) => type === 'agent.text')) {
    const text = (pieces.get(blockOf(event)) ?? []).map(({ data }) => data['text']).join('');
    if (text !== event.data['text']) return `${task.name}: the pieces of event ${event.seq} make another text`;
  }
  if (record?.status !== 'succeeded') return null;
  if (record.result !== answerOf(task)) return `${task.name} succeeded with another answer: ${record.result}`;
  return textOf(events).endsWith(record.result) ? null : `${task.name}: its text does not end with its result`;
}

/** A block of an attempt: another attempt that repeats its text has other blocks. */
function blockOf({ attempt, data }: EventRecord): string {
  return `${attempt}:${String(data['blockId'])}`;
}
