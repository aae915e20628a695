import type { Command } from 'commander';
import type { WorkerResource } from '../client/client.ts';
import { parseWorkerId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatAge } from './durations.ts';
import { formatMemory } from './memory.ts';
import { printList, printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';

/** Adds `longhaul workers` and `longhaul workers drain`. */
export function addWorkersCommand(program: Command, shell: Shell): void {
  const workers = program
    .command('workers')
    .summary('list workers, or drain one')
    .description('List the live workers, with the reason why a worker takes no runs.')
    .option('--json', 'print { data } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul workers');
  addConnectionOptions(workers).action(async (options: PrintOptions) => {
    const client = await connect(shell, options);
    const data = await client.workers();
    printList(
      shell,
      { data },
      { json: options.json, columns: COLUMNS, none: 'No workers. To start one: longhaul worker' },
    );
  });

  const drain = workers
    .command('drain')
    .summary('drain a worker')
    .description(
      'Drain a worker: it takes no more runs, finishes the runs it has and stops, as on SIGTERM. Returns immediately; the worker has stopped when it is no longer listed.',
    )
    .argument('<id>', "the worker's id", parseWorkerId)
    .option('--json', 'print the worker as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul workers drain 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(drain).action(async (id: string, _own: PrintOptions, command: Command) => {
    // The parser assigns an option that both commands have to the outer one, regardless of its place.
    const options = command.optsWithGlobals<PrintOptions>();
    const client = await connect(shell, options);
    const worker = await client.drainWorker(id);
    printOne(shell, worker, { json: options.json, describe: describeDraining });
  });
}

function describeDraining({ id, running }: WorkerResource): string {
  return `Worker ${id} is draining, with ${running === 1 ? '1 run' : `${running} runs`} to finish.`;
}

const COLUMNS: readonly Column<WorkerResource>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'HOST', value: ({ host }) => host },
  { title: 'PID', align: 'right', value: ({ pid }) => String(pid) },
  { title: 'RUNNING', align: 'right', value: ({ running, slots }) => `${running}/${slots}` },
  { title: 'SPARES', align: 'right', value: ({ spares }) => String(spares) },
  { title: 'FREE', align: 'right', value: ({ freeMemoryBytes }) => formatMemory(freeMemoryBytes) },
  { title: 'UP', align: 'right', value: ({ startedAt }) => formatAge(startedAt) },
  {
    title: 'STATE',
    value: ({ state, holdingReason }) => (state === 'holding' ? `holding: ${holdingReason ?? ''}` : state),
  },
];
