import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { adminKeyFile } from '../api/admin-key.ts';
import type { AlertResource } from '../api/contract.ts';
import { LonghaulNetworkError, toApiError } from '../client/errors.ts';
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

interface AlertPage {
  readonly data: AlertResource[];
  readonly nextCursor: string | null;
}

/** Adds `longhaul alerts`. */
export function addAlertsCommand(program: Command, shell: Shell): void {
  const command = program
    .command('alerts')
    .summary('list alerts')
    .description('Lists the alerts that are open, newest first.')
    .option('--all', 'those that are over as well')
    .option('--limit <count>', 'at most so many, 1 to 200', parseCount(1, 200), 20)
    .option('--json', 'print { data, nextCursor } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul alerts --all');
  addConnectionOptions(command).action(async (options: AlertsOptions) => {
    const page = await readAlerts(shell, options);
    if (options.json === true) return shell.stdout.line(toTerminalJson(page));
    if (page.data.length === 0)
      return shell.stdout.line(
        options.all === true ? 'No alerts.' : 'No open alerts. See those that are over with --all.',
      );
    for (const line of toTable(page.data, shell.stdout.columns)) shell.stdout.line(line);
    if (page.nextCursor !== null) shell.stderr.line(`The newest ${page.data.length} are shown; see more with --limit.`);
    return undefined;
  });
}

function toTable(alerts: readonly AlertResource[], width: number): string[] {
  return formatTable<AlertResource>({
    columns: [
      { title: 'SEVERITY', value: ({ severity }) => severity },
      { title: 'STATE', value: ({ state, acknowledgedAt }) => (acknowledgedAt === null ? state : `${state}, seen`) },
      { title: 'AGE', align: 'right', value: ({ openedAt }) => formatAge(openedAt) },
      { title: 'TOLD', align: 'right', value: ({ timesNotified }) => String(timesNotified) },
      { title: 'ABOUT', value: ({ key }) => key },
      { title: 'WHAT', value: ({ title, detail }) => `${title}. ${detail}` },
    ],
    rows: alerts,
    width,
  });
}

// TODO: `client.alerts({ state, limit })`, once the client has it, takes the place of all that follows.
async function readAlerts(shell: Shell, { all, limit, ...connection }: AlertsOptions): Promise<AlertPage> {
  await connect(shell, connection); // Refuses, in words, an address or a key that cannot be one.
  const { env, cwd } = shell;
  const url = (connection.url ?? env['LONGHAUL_URL'] ?? `http://127.0.0.1:${env['LONGHAUL_PORT'] ?? 4400}`).replace(
    /\/+$/,
    '',
  );
  const dataDir = path.resolve(cwd, env['LONGHAUL_DATA_DIR'] ?? '.longhaul');
  const key = env['LONGHAUL_API_KEY'] ?? (await readFile(adminKeyFile(dataDir), 'utf8'));
  const query = new URLSearchParams({ limit: String(limit), ...(all !== true && { state: 'open' }) });
  try {
    const response = await fetch(`${url}/v1/alerts?${query.toString()}`, {
      headers: { authorization: `Bearer ${key.trim()}` },
    });
    if (!response.ok) throw await toApiError(response);
    return (await response.json()) as AlertPage;
  } catch (error) {
    throw error instanceof TypeError ? new LonghaulNetworkError(url, error) : error;
  }
}
