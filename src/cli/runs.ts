import { Option, type Command } from 'commander';
import type { RunResource } from '../client/client.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import { RUN_STATUSES, type RunStatus } from '../core/states.ts';
import { parseCount } from './arguments.ts';
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.ts';
import { formatAge } from './durations.ts';
import type { Shell } from './shell.ts';
import { formatTable } from './table.ts';
import { toTerminalJson } from './terminal-text.ts';

interface RunsOptions extends ConnectionOptions {
  readonly status?: RunStatus;
  readonly agent?: string;
  readonly user?: string;
  readonly search?: string;
  readonly metadata?: readonly string[];
  readonly error?: string;
  readonly limit: number;
  readonly json?: true;
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
    const page = await client.runs({ ...filter, q: search, errorCode: error });
    if (json === true) return shell.stdout.line(toTerminalJson(page));
    if (page.data.length === 0) return shell.stdout.line('No runs.');
    for (const line of toTable(page.data, shell.stdout.columns)) shell.stdout.line(line);
    if (page.nextCursor !== null)
      shell.stderr.line(`Only the newest ${page.data.length} are shown; show more with --limit.`);
    return undefined;
  });
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

function toTable(runs: readonly RunResource[], width: number): string[] {
  return formatTable<RunResource>({
    columns: [
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
    ],
    rows: runs,
    width,
  });
}
