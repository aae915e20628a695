import { parseArgs } from 'node:util';
import { formatTable } from '../../src/cli/table.ts';
import { soak } from './soak.ts';
import type { MemorySample } from './read-memory.ts';

/**
 * `npm run soak -- [--minutes 60] [--runs-per-minute 10]`: runs Longhaul under Debian's Supervisor with steady work, and
 * kills a random process each minute. Exits with 1 if a judgment fails.
 */

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, 'runs-per-minute': { type: 'string', default: '10' } },
});
const minutes = Number(values.minutes);
const runsPerMinute = Number(values['runs-per-minute']);
if (!(minutes >= 1) || !(runsPerMinute >= 1)) throw new Error('--minutes and --runs-per-minute take numbers from 1.');

const { judgments, memory, holds } = await soak({ minutes, runsPerMinute, onMinute: (line) => console.log(line) });
const lines = formatTable({
  columns: [
    { title: '', value: ({ problems }) => (problems.length === 0 ? 'PASS' : 'FAIL') },
    { title: 'CHECKED', align: 'right', value: ({ checked }) => String(checked) },
    { title: 'WHAT HAS TO HOLD', value: ({ claim }) => claim },
    { title: 'NOTE', value: ({ note = '' }) => note },
  ],
  rows: judgments,
  width: Number.MAX_SAFE_INTEGER,
});
for (const line of lines) console.log(line);
for (const problem of judgments.flatMap(({ problems }) => problems).slice(0, 20)) console.log(`  ${problem}`);
for (const line of describeMemory(memory)) console.log(line);
process.exit(holds ? 0 : 1);

/** For each kind of process, the memory of the longest life: at its second minute, and at its last. */
function describeMemory(samples: readonly MemorySample[]): string[] {
  return [...Map.groupBy(samples, ({ name }) => name)].map(([name, ofName]) => {
    const lives = [...Map.groupBy(ofName, ({ pid }) => pid).values()];
    const longest = lives.reduce((best, life) => (life.length > best.length ? life : best));
    const [first, second = first] = longest;
    return `${name}: ${second?.residentMb} MB at first, ${longest.at(-1)?.residentMb} MB after ${longest.length} minutes`;
  });
}
