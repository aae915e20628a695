import { countBy, judgeEach, type Judgment } from '../chaos/judgment.ts';
import { FINAL_EVENT_TYPES } from '../../src/core/events.ts';
import type { AttemptRecord, Records } from '../chaos/records.ts';

/** A run that the server accepted. */
export interface Submitted {
  readonly name: string;
  readonly id: string;
}

interface SoakFacts {
  readonly submitted: readonly Submitted[];
  readonly records: Records;
  /** `longhaul_cost_usd_total` over all labels, in micro-dollars. */
  readonly metricMicros: number;
  readonly isAuditIntact: boolean;
}

const FINAL_TYPES: readonly string[] = FINAL_EVENT_TYPES;

/** True for an attempt that ended with its worker: with `handed_back` if it had not begun its work. */
function isLost({ errorCode, outcome }: AttemptRecord): boolean {
  return errorCode === 'worker_lost' || errorCode === 'poison_run' || outcome === 'handed_back';
}

/** Judges that nothing was lost or doubled, and that ledger, runs and metrics agree. */
export function judgeSoak({ submitted, records, metricMicros, isAuditIntact }: SoakFacts): Judgment[] {
  const runs = [...records.runs.values()];
  const bookedMicros = runs.flatMap(({ ledger }) => ledger).reduce((sum, { costMicros }) => sum + costMicros, 0);
  const runMicros = runs.reduce((sum, { costMicros }) => sum + costMicros, 0);
  return [
    judgeEach('every accepted submission is one run', {
      items: submitted,
      findProblem: ({ name, id }) => (records.runs.get(name)?.id === id ? null : `${name} is not run ${id}`),
      note: `${records.runCount} runs in the database`,
    }),
    judgeEach('there is no other run', {
      items: [records.runCount],
      findProblem: (count) => (count === submitted.length ? null : `${count} runs of ${submitted.length} submissions`),
    }),
    judgeEach('every run succeeded, with its answer once, unless two workers were killed under it', {
      items: runs,
      findProblem({ name, status, result, errorCode, attempts }) {
        // The documented end of a run that has lost two workers: no third worker gets it.
        if (errorCode === 'poison_run' && attempts.filter(isLost).length === 2) return null;
        if (status !== 'succeeded') return `${name} is ${status}, ${errorCode}`;
        return result?.split(`${name} is done.`).length === 2 ? null : `${name} answered ${result}`;
      },
      note: countBy(runs.flatMap(({ attempts }) => attempts.map((one) => one.errorCode ?? one.outcome ?? 'open'))),
    }),
    judgeEach('every log is free of gaps, and ends once', {
      items: runs,
      findProblem({ name, events, lastSeq }) {
        const isWhole = events.length === lastSeq && events.every(({ seq }, index) => seq === index + 1);
        const ends = events.filter(({ type }) => FINAL_TYPES.includes(type)).length;
        return isWhole && ends === 1 ? null : `${name}: ${events.length} events, the last is ${lastSeq}, ${ends} ends`;
      },
    }),
    judgeEach('runs, ledger and metrics agree on the cost to the micro-dollar', {
      items: [runMicros, metricMicros],
      findProblem: (micros) => (micros === bookedMicros ? null : `${micros} of ${bookedMicros} micro-dollars`),
      note: `$${(bookedMicros / 1e6).toFixed(6)}`,
    }),
    judgeEach('the audit record is intact', {
      items: [isAuditIntact],
      findProblem: (isIntact) => (isIntact ? null : 'it is not'),
    }),
  ];
}
