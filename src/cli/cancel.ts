import type { Command } from 'commander';
import { LonghaulError } from '../core/errors.ts';
import { isFinal } from '../core/states.ts';
import { parseRunId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { describeOutcome } from './outcome.ts';
import { printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';

/** A running run is interrupted, then terminated, then killed: that takes seconds, rarely more than a few. */
const WAIT_SECONDS = 15;

/** Adds `longhaul cancel`. */
export function addCancelCommand(program: Command, shell: Shell): void {
  const command = program
    .command('cancel')
    .summary('cancel a run')
    .description(`Cancel a run, wait up to ${WAIT_SECONDS} seconds for its end and print its outcome.`)
    .argument('<id>', "the run's id", parseRunId)
    .option('--json', 'print the run as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul cancel 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(command).action(async (runId: string, options: PrintOptions) => {
    const client = await connect(shell, options);
    await client.cancel(runId);
    const run = await client.getRun(runId, { waitSeconds: WAIT_SECONDS });
    printOne(shell, run, { json: options.json, describe: () => describeOutcome(run, shell.stdout) });
    if (!isFinal(run.status)) {
      throw new LonghaulError('unavailable', {
        message: `The run has not ended after ${WAIT_SECONDS} s. It will be cancelled when its worker answers; see: longhaul show ${runId}`,
      });
    }
  });
}
