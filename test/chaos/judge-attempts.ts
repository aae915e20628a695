import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { judgeEach, type Judgment } from './judgment.ts';
import type { ModelCall } from './model.ts';
import type { Records, RunRecord } from './records.ts';

interface AttemptFacts {
  readonly records: Records;
  readonly callsOf: ReadonlyMap<string, readonly ModelCall[]>;
  readonly strayCount: number;
  readonly journalDir: string;
}

/** Judges whether two attempts ever executed a run at once: by the database, the model and the tools. */
export async function judgeAttempts(facts: AttemptFacts): Promise<Judgment[]> {
  const { records, callsOf, strayCount } = facts;
  const runs = [...records.runs.values()];
  const journals = await readJournals(facts);
  const lines = [...journals.values()].flat();
  // The stub keeps no transcript: its attempts start from the beginning.
  const continued = runs.filter(({ agent }) => agent === 'real').map(({ name }) => journals.get(name) ?? []);
  return [
    judgeEach('no attempt began before the one before it had ended', {
      items: runs,
      findProblem: ({ name, attempts }) => {
        const early = attempts.find(({ startedAtMs }, index) => {
          const before = attempts[index - 1];
          return before !== undefined && startedAtMs < (before.finishedAtMs ?? Infinity);
        });
        return early === undefined ? null : `attempt ${early.number} of ${name}`;
      },
      note: `${runs.reduce((sum, { attempts }) => sum + attempts.length, 0)} attempts, at most ${Math.max(0, ...runs.map(({ attempts }) => attempts.length))} of a run`,
    }),
    judgeEach('no attempt asked the model for anything after the next had begun, or its own end', {
      items: runs,
      findProblem: (run) => findLateCall(run, callsOf),
      note: `${[...callsOf.values()].flat().length} calls`,
    }),
    {
      claim: 'every call of the model belongs to an attempt',
      checked: [...callsOf.values()].flat().length + strayCount,
      problems: [
        ...(callsOf.get('') ?? []).map(({ run, workerKey }) => `a call for ${run} by ${workerKey}`),
        ...(strayCount === 0 ? [] : [`${strayCount} calls for no run`]),
      ],
    },
    judgeEach('no two attempts of a run used tools at the same time', {
      items: runs,
      findProblem: ({ name }) => findInterleaving(name, journals.get(name) ?? []),
      note: `${lines.filter(({ mark }) => mark === 'begin').length} tool calls, ${countRepeated(continued)} of those of attempts that continue made again`,
    }),
  ];
}

function findLateCall({ name, attempts }: RunRecord, callsOf: AttemptFacts['callsOf']): string | null {
  for (const [index, attempt] of attempts.entries()) {
    const endAtMs = Math.min(attempts[index + 1]?.startedAtMs ?? Infinity, attempt.finishedAtMs ?? Infinity);
    const late = (callsOf.get(attempt.id) ?? []).find(({ receivedAtMs }) => receivedAtMs > endAtMs);
    if (late !== undefined) return `attempt ${attempt.number} of ${name}, by ${late.receivedAtMs - endAtMs} ms`;
  }
  return null;
}

interface JournalLine {
  readonly attemptId: string;
  readonly step: string;
  readonly mark: string;
}

async function readJournals({ records, journalDir }: AttemptFacts): Promise<Map<string, JournalLine[]>> {
  const journals = [...records.runs.keys()].map(async (name) => {
    const text = await readFile(path.join(journalDir, name), 'utf8').catch(() => '');
    const lines = text.split('\n').filter(Boolean);
    const parsed = lines.map((line): JournalLine => {
      const [attemptId = '', step = '', mark = ''] = line.split(' ');
      return { attemptId, step, mark };
    });
    return [name, parsed] as const;
  });
  return new Map(await Promise.all(journals));
}

/** An attempt that writes after another has begun to write was not alone. */
function findInterleaving(name: string, lines: readonly JournalLine[]): string | null {
  const over = new Set<string>();
  let current = '';
  for (const { attemptId } of lines) {
    if (attemptId === current) continue;
    if (over.has(attemptId)) return `${name}: ${attemptId} wrote after another`;
    over.add(current);
    current = attemptId;
  }
  return null;
}

function countRepeated(journals: readonly (readonly JournalLine[])[]): number {
  return journals
    .map((lines) => lines.filter(({ mark }) => mark === 'begin').map(({ step }) => step))
    .reduce((sum, steps) => sum + steps.length - new Set(steps).size, 0);
}
