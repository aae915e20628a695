import { Option, type Command } from 'commander';
import type { StatsResource } from '../client/client.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import { addConnectionOptions, connect, type ConnectionOptions } from './connection.ts';
import { formatDuration } from './durations.ts';
import type { Shell } from './shell.ts';
import { formatTable } from './table.ts';
import { toTerminalJson, toTerminalLine } from './terminal-text.ts';

interface StatsOptions extends ConnectionOptions {
  readonly from?: string;
  readonly to?: string;
  readonly step?: StatsResource['step'];
  readonly agent?: string;
  readonly json?: true;
}

type Sums = StatsResource['totals'];

/** Adds `longhaul stats`. */
export function addStatsCommand(program: Command, shell: Shell): void {
  const command = program
    .command('stats')
    .summary('show runs, errors, waits and durations over time')
    .description(
      'Show how many runs were submitted, succeeded and failed over time, and how long they waited and took.',
    )
    .option('--from <time>', 'start, ISO 8601 (default: one day before the end)')
    .option('--to <time>', 'end, ISO 8601 (default: now)')
    .addOption(new Option('--step <step>', 'length of a step (default: hour)').choices(['minute', 'hour', 'day']))
    .option('--agent <name>', 'runs of one agent')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul stats --step day --from 2026-03-01T00:00:00Z');
  addConnectionOptions(command).action(async ({ from, to, step, agent, ...options }: StatsOptions) => {
    const client = await connect(shell, options);
    const stats = await client.stats({ from, to, step, agent });
    if (options.json === true) return shell.stdout.line(toTerminalJson(stats));
    for (const line of formatStats(stats, shell.stdout.columns)) shell.stdout.line(line);
    return undefined;
  });
}

function formatStats({ data, totals, now }: StatsResource, width: number): string[] {
  const rows = [...data.map((point) => ({ ...point, title: point.at })), { ...totals, title: 'TOTAL' }];
  return [
    ...toTable(rows, width),
    '',
    `Now: ${now.running} running, ${now.queued} queued, ${now.waiting} waiting.`,
    ...(totals.failures.length === 0 ? [] : [`Errors: ${describeFailures(totals.failures)}.`]),
  ];
}

function toTable(rows: readonly (Sums & { readonly title: string })[], width: number): string[] {
  const toTime = (measured: Sums['wait'], name: 'p50Ms' | 'p95Ms') =>
    measured === null ? '' : formatDuration(measured[name]);
  return formatTable({
    columns: [
      { title: 'FROM', value: ({ title }) => title.replace(':00.000Z', 'Z') },
      { title: 'SUBMITTED', align: 'right', value: ({ submitted }) => String(submitted) },
      { title: 'SUCCEEDED', align: 'right', value: ({ succeeded }) => String(succeeded) },
      { title: 'FAILED', align: 'right', value: ({ failed }) => String(failed) },
      { title: 'CANCELLED', align: 'right', value: ({ cancelled }) => String(cancelled) },
      { title: 'WAIT P95', align: 'right', value: ({ wait }) => toTime(wait, 'p95Ms') },
      { title: 'DURATION P50', align: 'right', value: ({ duration }) => toTime(duration, 'p50Ms') },
      { title: 'P95', align: 'right', value: ({ duration }) => toTime(duration, 'p95Ms') },
      { title: 'COST', align: 'right', value: ({ costUsd }) => (costUsd === null ? '' : formatUsd(toMicros(costUsd))) },
    ],
    rows,
    width,
  });
}

function describeFailures(failures: Sums['failures']): string {
  return failures.map(({ code, runs }) => `${runs} ${toTerminalLine(code)}`).join(', ');
}
