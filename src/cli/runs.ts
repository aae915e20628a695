import { Option, type Command } from 'commander';
import type { RunResource } from '../client/client.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import { RUN_STATUSES, type RunStatus } from '../core/states.ts';
import { collect, parseCount } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatAge } from './durations.ts';
import { printList, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';

interface RunsOptions extends PrintOptions {
  readonly status?: RunStatus;
  readonly agent?: string;
  readonly user?: string;
  readonly search?: string;
  readonly metadata?: readonly string[];
  readonly error?: string;
  readonly limit: number;
}

/** Adds `longhaul runs`. */
export function addRunsCommand(program: Command, shell: Shell): void {
  const command = program
    .command('runs')
    .summary('list runs')
    .description('List runs, newest first.')
    .addOption(new Option('--status <status>', 'only runs in this state').choices(RUN_STATUSES))
    .option('--agent <agent>', 'only runs of this agent')
    .option('--user <user>', 'only runs for this end user')
    .option(
      '--search <words>',
      'only runs with these words in prompt or result; "in quotes" for a phrase, -word to exclude',
    )
    .option('--metadata <key=value>', 'only runs with this entry in their metadata; may be repeated', collect)
    .option('--error <code>', 'only runs that failed with this code')
    .option('--limit <count>', 'maximum number of runs, 1 to 200', parseCount(1, 200), 20)
    .option('--json', 'print { data, nextCursor } as JSON')
    .addHelpText(
      'after',
      "\nExamples:\n  $ longhaul runs --status failed --limit 5\n  $ longhaul runs --search 'late invoices' --metadata ticket=4711",
    );
  addConnectionOptions(command).action(async ({ url, json, search, error, ...filter }: RunsOptions) => {
    const client = await connect(shell, url === undefined ? {} : { url });
    const page = await client.listRuns({ ...filter, q: search, errorCode: error });
    printList(shell, page, { json, columns: COLUMNS, none: 'No runs.' });
  });
}

const COLUMNS: readonly Column<RunResource>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'AGENT', value: ({ agent }) => agent },
  {
    title: 'STATUS',
    value: ({ status, error }) => (status === 'failed' ? `failed ${error?.code ?? ''}` : status),
  },
  { title: 'AGE', align: 'right', value: ({ createdAt }) => formatAge(createdAt) },
  { title: 'COST', align: 'right', value: ({ costUsd }) => formatUsd(toMicros(costUsd)) },
  { title: 'TURNS', align: 'right', value: ({ turns }) => String(turns) },
  { title: 'PROMPT', value: ({ prompt }) => prompt },
];
