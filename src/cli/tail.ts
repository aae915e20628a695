import type { Command } from 'commander';
import { parseCount, parseRunId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { followForCommand } from './follow-run.ts';
import type { PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';

interface TailOptions extends PrintOptions {
  readonly after?: number;
}

/** Adds `longhaul tail`. */
export function addTailCommand(program: Command, shell: Shell): void {
  const command = program
    .command('tail')
    .summary('follow a run from the beginning of its log')
    .description("Show a run's log from its beginning and follow the run until it ends. The exit code is its outcome.")
    .argument('<id>', "the run's id", parseRunId)
    .option('--after <seq>', 'start after this event', parseCount(0, 2_147_483_647))
    .option('--json', 'print one line of JSON per event')
    .addHelpText('after', '\nExample:\n  $ longhaul tail 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f --after 12');
  addConnectionOptions(command).action(async (runId: string, options: TailOptions) => {
    const client = await connect(shell, options);
    // Following retries while a server is away; at its start, a missing server must be an error.
    await client.getRun(runId);
    await followForCommand(shell, { client, runId, after: options.after, isJson: options.json === true });
  });
}
