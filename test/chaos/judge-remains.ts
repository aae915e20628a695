import type { Fleet } from './fleet.ts';
import type { Hand } from './hand.ts';
import { judgeEach, type Judgment } from './judgment.ts';
import { findAttemptProcesses } from '../support/marked-processes.ts';
import type { Records } from './records.ts';
import type { Ending } from './supervised.ts';

/** Milliseconds after which no process of a killed worker's attempts may be alive. */
const AFTERLIFE_ALLOWED_MS = 2_000;

interface RemainsFacts {
  readonly fleet: Fleet;
  readonly records: Records;
  readonly hand: Hand;
  /** Exits of the workers at the end. */
  readonly endings: readonly (Ending | null)[];
}

/** Judges the remains: of killed workers, and of all workers after their end. */
export async function judgeRemains({ fleet, records, hand, endings }: RemainsFacts): Promise<Judgment[]> {
  const { workers, findLeftovers } = fleet;
  const pids = workers.flatMap(({ incarnations }) => incarnations.map(({ pid }) => pid));
  const survivors = await findAttemptProcesses(pids);
  const leftovers = await findLeftovers();
  return [
    judgeEach(`nothing of a killed worker's attempts was alive after ${AFTERLIFE_ALLOWED_MS / 1_000} s`, {
      items: hand.afterlivesMs,
      findProblem: (afterlifeMs) => (afterlifeMs <= AFTERLIFE_ALLOWED_MS ? null : `${afterlifeMs} ms`),
      note: `${Math.max(0, ...hand.afterlivesMs)} ms at most`,
    }),
    judgeEach('every worker left in good order', {
      items: endings.entries(),
      findProblem: ([index, ending]) =>
        ending === null || ending.code === 0
          ? null
          : `${workers[index]?.name} ended with ${ending.signal ?? `code ${ending.code}`}`,
      note: `${pids.length} processes there were`,
    }),
    {
      claim: 'no process of an attempt is left',
      checked: pids.length,
      problems: survivors.map(({ pid, attemptId }) => `pid ${pid} of attempt ${attemptId}`),
    },
    { claim: 'no temporary file is left', checked: workers.length, problems: leftovers },
    {
      claim: 'nothing is left in line',
      checked: 1,
      problems: records.queuedMessages === 0 ? [] : [`${records.queuedMessages} messages`],
      note: toWaits(records),
    },
  ];
}

/** The waits of the runs for their first attempt. */
function toWaits({ runs }: Records): string {
  const waitsMs = [...runs.values()]
    .flatMap(({ createdAtMs, attempts: [first] }) => (first === undefined ? [] : [first.startedAtMs - createdAtMs]))
    .sort((a, b) => a - b);
  const middle = waitsMs[Math.floor(waitsMs.length / 2)] ?? 0;
  return `first attempts began after ${middle} ms at the median, ${waitsMs.at(-1) ?? 0} ms at most`;
}
