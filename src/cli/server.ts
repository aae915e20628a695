import type { Command } from 'commander';
import { addServeOptions, serve, type ServeOptions } from './serve.ts';
import type { Shell } from './shell.ts';

/** Adds `longhaul server`. */
export function addServerCommand(program: Command, shell: Shell): void {
  const command = program
    .command('server')
    .summary('run a server without a worker')
    .description(
      'Run a server that answers HTTP and executes no runs, for several machines on one PostgreSQL (LONGHAUL_DATABASE_URL).',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ LONGHAUL_DATABASE_URL=postgres://db/longhaul longhaul server --host 0.0.0.0',
    );
  addServeOptions(command, ['server']).action((options: ServeOptions) => serve(shell, { roles: ['server'], options }));
}
