import { InvalidArgumentError, type Command } from 'commander';
import type { ScalingResource } from '../client/client.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatDuration } from './durations.ts';
import { formatMemory } from './memory.ts';
import { printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import { formatTable, type Column } from './table.ts';

/** Adds `longhaul scaling`. */
export function addScalingCommand(program: Command, shell: Shell): void {
  const scaling = program
    .command('scaling')
    .summary('show how many slots the fleet needs')
    .description(
      'Show how many slots and workers the fleet needs, and what a machine carries. Needs a key with the scope metrics or admin.',
    )
    .option('--memory-gb <gigabytes>', 'also show how many slots a machine with this memory carries', parseGigabytes)
    .option('--json', 'print the need as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul scaling --json | jq .wantedSlots');
  addConnectionOptions(scaling).action(async ({ memoryGb, ...options }: PrintOptions & { memoryGb?: number }) => {
    const client = await connect(shell, options);
    const found = await client.scaling({ memoryGb });
    printOne(shell, found, { json: options.json, describe: (resource) => describe(resource, shell.stdout.columns) });
  });
}

function parseGigabytes(value: string): number {
  const gigabytes = Number(value);
  if (/^\d+(\.\d+)?$/.test(value) && gigabytes > 0 && gigabytes <= 100_000) return gigabytes;
  throw new InvalidArgumentError('It must be a number of gigabytes, such as 8.');
}

interface QueueRow {
  readonly name: string;
  readonly need: ScalingResource['queues'][string];
}

const COLUMNS: readonly Column<QueueRow>[] = [
  { title: 'QUEUE', value: ({ name }) => name },
  { title: 'WANTED', align: 'right', value: ({ need }) => String(need.wantedSlots) },
  { title: 'RUNNING', align: 'right', value: ({ need }) => String(need.running) },
  { title: 'READY', align: 'right', value: ({ need }) => String(need.ready) },
  {
    title: 'OLDEST',
    align: 'right',
    value: ({ need }) => (need.oldestWaitSeconds === null ? '' : formatDuration(need.oldestWaitSeconds * 1_000)),
  },
  { title: 'NOT HELPED BY WORKERS', value: ({ need }) => describeOthers(need) },
];

function describeOthers({ states }: QueueRow['need']): string {
  const { ready: _, ...others } = states;
  return Object.entries(others)
    .filter(([, runs]) => runs > 0)
    .map(([state, runs]) => `${runs} ${state}`)
    .join(', ');
}

function describe(scaling: ScalingResource, width: number): string {
  const { wantedSlots, wantedWorkers, slotsPerWorker, workers, slots, memory, machine } = scaling;
  const rows = Object.entries(scaling.queues).map(([name, need]) => ({ name, need }));
  const measured = memory.isMeasured ? 'measured' : 'assumed';
  return [
    `Wanted: ${wantedSlots} slots, ${wantedWorkers} workers of ${slotsPerWorker} slots. There are ${slots} slots on ${workers} workers.`,
    `A slot takes ${formatMemory(memory.slotBytes)} (${measured}), a worker without slots ${formatMemory(memory.workerBytes)}.`,
    ...(machine === null ? [] : [`A machine with ${machine.memoryGb} GB carries ${machine.slots} slots.`]),
    ...formatTable({ columns: COLUMNS, rows, width }),
  ].join('\n');
}
