import type { Command } from 'commander';
import type { AlertResource } from '../client/client.ts';
import { parseCount } from './arguments.ts';
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.ts';
import { formatAge } from './durations.ts';
import type { Shell } from './shell.ts';
import { formatTable } from './table.ts';
import { toTerminalJson } from './terminal-text.ts';

interface AlertsOptions extends ConnectionOptions {
  readonly all?: true;
  readonly limit: number;
  readonly json?: true;
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
    if (json === true) return shell.stdout.line(toTerminalJson(page));
    if (page.data.length === 0)
      return shell.stdout.line(all === true ? 'No alerts.' : 'No open alerts. Resolved alerts are listed with --all.');
    for (const line of toTable(page.data, shell.stdout.columns)) shell.stdout.line(line);
    if (page.nextCursor !== null)
      shell.stderr.line(`Only the newest ${page.data.length} are shown; show more with --limit.`);
    return undefined;
  });
}

function toTable(alerts: readonly AlertResource[], width: number): string[] {
  return formatTable<AlertResource>({
    columns: [
      { title: 'SEVERITY', value: ({ severity }) => severity },
      { title: 'STATE', value: ({ state, acknowledgedAt }) => (acknowledgedAt === null ? state : `${state}, seen`) },
      { title: 'AGE', align: 'right', value: ({ openedAt }) => formatAge(openedAt) },
      { title: 'SENT', align: 'right', value: ({ timesNotified }) => String(timesNotified) },
      { title: 'SUBJECT', value: ({ key }) => key },
      { title: 'ALERT', value: ({ title, detail }) => `${title}. ${detail}` },
    ],
    rows: alerts,
    width,
  });
}
