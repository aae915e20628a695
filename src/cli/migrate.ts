import type { Command } from 'commander';
import type { Shell } from './shell.ts';
import { toTerminalJson, toTerminalText } from './terminal-text.ts';

interface MigrateOptions {
  readonly config?: string;
  readonly json?: true;
}

/** Adds `longhaul migrate`. */
export function addMigrateCommand(program: Command, shell: Shell): void {
  program
    .command('migrate')
    .summary('bring the database up to date')
    .description(
      'Brings the database to the schema of this version. Every start does so too; this is for doing it before.',
    )
    .option('--config <file>', 'the configuration (default: longhaul.config.ts in this directory)')
    .option('--json', 'print { applied } as JSON')
    .addHelpText('after', '\nExample:\n  $ LONGHAUL_DATABASE_URL=postgres://db/longhaul longhaul migrate')
    .action(async (options: MigrateOptions) => {
      const applied = await migrateDatabase(shell, options.config);
      if (options.json === true) shell.stdout.line(toTerminalJson({ applied }));
      else if (applied.length === 0) shell.stdout.line('The database is up to date.');
      else for (const name of applied) shell.stdout.line(`applied ${toTerminalText(name)}`);
    });
}

async function migrateDatabase(shell: Shell, file: string | undefined): Promise<string[]> {
  const [{ loadConfig }, { migrateOnly }] = await Promise.all([import('../config/load.ts'), import('../longhaul.ts')]);
  return migrateOnly(await loadConfig({ file, cwd: shell.cwd, env: shell.env }));
}
