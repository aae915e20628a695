import type { Command } from 'commander';
import { LonghaulError } from '../core/errors.ts';
import type { RunResource } from '../client/client.ts';
import { parseCount, parseRunIds } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { printList, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';
import { toTerminalText } from './terminal-text.ts';

interface RetryOptions extends PrintOptions {
  readonly failed?: true;
  readonly agent?: string;
  readonly user?: string;
  readonly code?: string;
  readonly limit?: number;
}

/** Adds `longhaul retry`. */
export function addRetryCommand(program: Command, shell: Shell): void {
  const command = program
    .command('retry')
    .summary('retry failed runs')
    .description(
      'Retry runs: submit a new run for each named run, or with --failed for each failed run that was not retried yet.',
    )
    .argument('[ids...]', 'the runs to retry', parseRunIds, [])
    .option('--failed', 'retry all failed runs, newest first')
    .option('--agent <agent>', 'with --failed: only runs of this agent')
    .option('--user <user>', 'with --failed: only runs for this end user')
    .option('--code <code>', 'with --failed: only runs that failed with this code, such as provider_overloaded')
    .option('--limit <count>', 'with --failed: maximum number of runs, 1 to 1000 (default: 200)', parseCount(1, 1_000))
    .option('--json', 'print { data, skipped } as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ longhaul retry 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f\n  $ longhaul retry --failed --code provider_overloaded',
    );
  addConnectionOptions(command).action(async (ids: string[], options: RetryOptions) => {
    const { failed, agent, user, code, limit } = options;
    if ((failed === true) === ids.length > 0) {
      throw new LonghaulError('usage', { message: 'Name the runs to retry, or use --failed for all failed runs.' });
    }
    const client = await connect(shell, options);
    const { data, skipped } = await client.retryMany(
      ids.length > 0 ? { ids } : { agent, user, errorCode: code, limit },
    );
    const retried = { data, skipped };
    const none = skipped.length === 0 ? 'No failed runs to retry.' : [];
    printList(shell, retried, { json: options.json, columns: COLUMNS, none });
    if (skipped.length > 0) {
      for (const { id, message } of skipped) shell.stderr.line(toTerminalText(`${id}: ${message}`));
      throw new LonghaulError('conflict', {
        message: `${skipped.length} of ${skipped.length + data.length} could not be retried.`,
      });
    }
  });
}

const COLUMNS: readonly Column<RunResource>[] = [
  { title: 'NEW RUN', value: ({ id }) => id },
  { title: 'RETRY OF', value: ({ retryOf }) => retryOf ?? '' },
  { title: 'AGENT', value: ({ agent }) => agent },
  { title: 'PROMPT', value: ({ prompt }) => prompt },
];
