import type { Command } from 'commander';
import { addServeOptions, serve, type ServeOptions } from './serve.ts';
import type { Shell } from './shell.ts';

/** Adds `longhaul worker`. */
export function addWorkerCommand(program: Command, shell: Shell): void {
  const command = program
    .command('worker')
    .summary('run a worker without a server')
    .description(
      'Run a worker that executes runs and listens at most on --metrics-port, for several machines on one PostgreSQL (LONGHAUL_DATABASE_URL).',
    )
    .addHelpText('after', '\nExample:\n  $ LONGHAUL_DATABASE_URL=postgres://db/longhaul longhaul worker');
  addServeOptions(command, ['worker']).action((options: ServeOptions) => serve(shell, { roles: ['worker'], options }));
}
