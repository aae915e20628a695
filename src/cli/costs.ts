import { Option, type Command } from 'commander';
import type { CostQuery, CostRowResource, LonghaulClient } from '../client/client.ts';
import { parseCount } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatCosts } from './cost-report.ts';
import { formatCsv } from './csv.ts';
import { printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';

const GROUPINGS = ['day', 'month', 'user', 'team', 'agent', 'model'] as const;

interface CostsOptions extends PrintOptions {
  readonly by: (typeof GROUPINGS)[number];
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
  readonly csv?: true;
}

const EXAMPLES = `
Examples:
  $ longhaul costs --by user --from 2026-11-01
  $ longhaul costs --by month --from 2026-01-01 --csv > costs.csv`;

/** Adds `longhaul costs`. */
export function addCostsCommand(program: Command, shell: Shell): void {
  const command = program
    .command('costs')
    .summary('show costs')
    .description("Show costs, by default of this month. Days begin in the server's time zone.")
    .addOption(new Option('--by <grouping>', 'group costs by').choices(GROUPINGS).default('day'))
    .option('--from <time>', 'start: a day such as 2026-01-31, or an ISO 8601 time')
    .option('--to <time>', 'end, exclusive: a day, or an ISO 8601 time')
    .option('--limit <count>', 'maximum number of rows, 1 to 200', parseCount(1, 200), 50)
    .addOption(new Option('--csv', 'print all rows as CSV').conflicts('json'))
    .option('--json', 'print { data, nextCursor, totals, forecast, from, to, timeZone } as JSON')
    .addHelpText('after', EXAMPLES);
  addConnectionOptions(command).action(async ({ url, by, csv, json, ...query }: CostsOptions) => {
    const client = await connect(shell, url === undefined ? {} : { url });
    if (csv === true) {
      const rows = await readAllRows(client, { ...query, groupBy: by, limit: 200 });
      return shell.stdout.write(formatCsv({ columns: toCsvColumns(by), rows }));
    }
    const costs = await client.costs({ ...query, groupBy: by });
    printOne(shell, costs, {
      json,
      describe: () => formatCosts(costs, { title: by, width: shell.stdout.columns }),
      note: ({ data, nextCursor }) =>
        nextCursor === null
          ? null
          : `${data.length} rows are shown, the totals include all; show more with --limit, all with --csv.`,
    });
    return undefined;
  });
}

async function readAllRows(client: LonghaulClient, query: CostQuery): Promise<CostRowResource[]> {
  const rows: CostRowResource[] = [];
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await client.costs({ ...query, cursor });
    rows.push(...page.data);
    cursor = page.nextCursor;
  }
  return rows;
}

/** The names of the API; the first column is named for its grouping. */
const FIGURES = [
  'costUsd',
  'ownCostUsd',
  'unpricedUsd',
  'isOwnCostWhole',
  'runs',
  'succeededRuns',
  'attempts',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheCreationTokens',
  'cacheCreation1hTokens',
  'thinkingTokens',
  'costPerSucceededRunUsd',
  'retriedCostUsd',
  'driftUsd',
] as const satisfies (keyof CostRowResource)[];

function toCsvColumns(by: string) {
  return [
    { title: by, value: ({ key }: CostRowResource) => key },
    ...FIGURES.map((name) => ({ title: name, value: (row: CostRowResource) => row[name] })),
  ];
}
