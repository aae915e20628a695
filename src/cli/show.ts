import type { Command } from 'commander';
import { parseRunId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { printOne, type PrintOptions } from './print.ts';
import { formatRun } from './run-report.ts';
import type { Shell } from './shell.ts';

/** Adds `longhaul show`. */
export function addShowCommand(program: Command, shell: Shell): void {
  const command = program
    .command('show')
    .summary('show a run in detail')
    .description('Show a run: state, cost, tokens, tools, attempts, prompt and result.')
    .argument('<id>', "the run's id", parseRunId)
    .option('--json', 'print the run as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul show 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(command).action(async (runId: string, options: PrintOptions) => {
    const client = await connect(shell, options);
    const run = await client.getRun(runId);
    printOne(shell, run, { json: options.json, describe: () => formatRun(run, shell.stdout) });
  });
}
