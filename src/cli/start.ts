import type { Command } from 'commander';
import { addServeOptions, serve, type ServeOptions } from './serve.ts';
import type { Shell } from './shell.ts';

/** Adds `longhaul start`. */
export function addStartCommand(program: Command, shell: Shell): void {
  const command = program
    .command('start')
    .summary('run a server and a worker in one process')
    .description(
      'Run a server and a worker in one process, by default on the embedded database in .longhaul/. Logs are JSON lines on standard error.',
    )
    .addHelpText('after', '\nExample:\n  $ longhaul start --port 4400');
  addServeOptions(command, ['server', 'worker']).action((options: ServeOptions) =>
    serve(shell, { roles: ['server', 'worker'], options }),
  );
}
