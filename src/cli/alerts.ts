import type { Command } from 'commander';
import type { AlertResource } from '../client/client.ts';
import { parseCount } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatAge } from './durations.ts';
import { printList, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';

interface AlertsOptions extends PrintOptions {
  readonly all?: true;
  readonly limit: number;
}

/** Adds `longhaul alerts`. */
export function addAlertsCommand(program: Command, shell: Shell): void {
  const command = program
    .command('alerts')
    .summary('list alerts')
    .description('List the open alerts, newest first.')
    .option('--all', 'include resolved alerts')
    .option('--limit <count>', 'maximum number of alerts, 1 to 200', parseCount(1, 200), 20)
    .option('--json', 'print { data, nextCursor } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul alerts --all');
  addConnectionOptions(command).action(async ({ all, limit, json, ...connection }: AlertsOptions) => {
    const client = await connect(shell, connection);
    const page = await client.alerts({ state: all === true ? undefined : 'open', limit });
    printList(shell, page, {
      json,
      columns: COLUMNS,
      none: all === true ? 'No alerts.' : 'No open alerts. Resolved alerts are listed with --all.',
    });
  });
}

const COLUMNS: readonly Column<AlertResource>[] = [
  { title: 'SEVERITY', value: ({ severity }) => severity },
  { title: 'STATE', value: ({ state, acknowledgedAt }) => (acknowledgedAt === null ? state : `${state}, seen`) },
  { title: 'AGE', align: 'right', value: ({ openedAt }) => formatAge(openedAt) },
  { title: 'SENT', align: 'right', value: ({ timesNotified }) => String(timesNotified) },
  { title: 'SUBJECT', value: ({ key }) => key },
  { title: 'ALERT', value: ({ title, detail }) => `${title}. ${detail}` },
];
