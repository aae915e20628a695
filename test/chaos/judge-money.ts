import { judgeEach, type Judgment } from './judgment.ts';
import type { ModelCall } from './model.ts';
import type { AttemptRecord, Records, RunRecord } from './records.ts';

interface MoneyFacts {
  readonly records: Records;
  readonly callsOf: ReadonlyMap<string, readonly ModelCall[]>;
}

/** An attempt with its charge and its answers from the model. */
interface PaidAttempt {
  readonly run: RunRecord;
  readonly attempt: AttemptRecord;
  readonly chargedMicros: number;
  /** The cost of all its calls. */
  readonly askedMicros: number;
  /** The cost of the answers that the model wrote to the last byte. */
  readonly answeredMicros: number;
}

/** Judges whether everything was charged once, and nothing else was charged. */
export function judgeMoney({ records, callsOf }: MoneyFacts): Judgment[] {
  const runs = [...records.runs.values()];
  const attempts = runs.flatMap((run) => run.attempts.map((attempt) => toPaid(run, { attempt, callsOf })));
  return [
    judgeEach('a run costs the sum of its ledger entries', {
      items: runs,
      findProblem({ name, costMicros, ledger }) {
        const sum = ledger.reduce((total, entry) => total + entry.costMicros, 0);
        return sum === costMicros ? null : `${name} costs ${costMicros}, its entries make ${sum}`;
      },
      note: `${toUsd(runs.reduce((sum, { costMicros }) => sum + costMicros, 0))} in all`,
    }),
    judgeEach('a budget has spent what the ledger and its sums say, and nothing is set aside any more', {
      items: records.budgets,
      findProblem({ name, spentMicros, reservedMicros, bookedMicros, summedMicros }) {
        if (reservedMicros !== 0) return `${name}: ${reservedMicros} are still set aside`;
        if (summedMicros !== bookedMicros) return `the sums make ${summedMicros} of ${bookedMicros}`;
        return spentMicros === bookedMicros ? null : `${name}: ${spentMicros} spent of ${bookedMicros}`;
      },
    }),
    judgeEach('every attempt has ended, with one ledger entry', {
      items: attempts,
      findProblem({ run, attempt }) {
        const entries = run.ledger.filter(({ attemptId }) => attemptId === attempt.id).length;
        if (attempt.finishedAtMs === null) return `attempt ${attempt.number} of ${run.name} has not ended`;
        return entries === 1 ? null : `attempt ${attempt.number} of ${run.name} has ${entries} entries`;
      },
    }),
    judgeEach('no attempt is charged for more than it asked the model for', {
      items: attempts,
      findProblem: ({ run, attempt, chargedMicros, askedMicros }) =>
        chargedMicros <= askedMicros
          ? null
          : `attempt ${attempt.number} of ${run.name} (${attempt.outcome}): charged ${chargedMicros} of ${askedMicros}`,
    }),
    judgeEach('every whole answer is charged for, unless its worker was lost', {
      items: attempts.filter(({ attempt }) => !isLost(attempt)),
      findProblem: ({ run, attempt, chargedMicros, answeredMicros }) =>
        chargedMicros >= answeredMicros
          ? null
          : `attempt ${attempt.number} of ${run.name} (${attempt.outcome}): charged ${chargedMicros} of ${answeredMicros}`,
      note: describeUncharged(attempts),
    }),
  ];
}

/** True when the sweep ended it, with the charge that its worker had written. */
function isLost({ errorCode, outcome }: AttemptRecord): boolean {
  return (
    errorCode === 'worker_lost' || errorCode === 'poison_run' || outcome === 'handed_back' || outcome === 'cancelled'
  );
}

function describeUncharged(attempts: readonly PaidAttempt[]): string {
  const less = attempts.filter(({ chargedMicros, answeredMicros }) => chargedMicros < answeredMicros);
  if (less.length === 0) return 'nothing is missing';
  const missing = less.reduce((sum, { chargedMicros, answeredMicros }) => sum + answeredMicros - chargedMicros, 0);
  const total = attempts.reduce((sum, { answeredMicros }) => sum + answeredMicros, 0);
  const ofLost = less.filter(({ attempt }) => isLost(attempt)).length;
  return `${toUsd(missing)} of ${toUsd(total)} missing: ${ofLost} attempts lost before their meter was written`;
}

function toPaid(
  run: RunRecord,
  { attempt, callsOf }: { attempt: AttemptRecord; callsOf: MoneyFacts['callsOf'] },
): PaidAttempt {
  const calls = callsOf.get(attempt.id) ?? [];
  const sum = (of: readonly ModelCall[]) => of.reduce((total, { costMicros }) => total + costMicros, 0);
  return {
    run,
    attempt,
    chargedMicros: run.ledger
      .filter(({ attemptId }) => attemptId === attempt.id)
      .reduce((total, { costMicros }) => total + costMicros, 0),
    askedMicros: sum(calls),
    answeredMicros: sum(calls.filter(({ outcome }) => outcome === 'whole')),
  };
}

function toUsd(micros: number): string {
  return `$${(micros / 1_000_000).toFixed(4)}`;
}
