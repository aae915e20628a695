import type { Command } from 'commander';
import { adminKeyFile } from '../api/admin-key.ts';
import { printOne } from './print.ts';
import type { Shell } from './shell.ts';
import { toTerminalText } from './terminal-text.ts';

interface MigrateOptions {
  readonly config?: string;
  readonly json?: true;
}

/** Adds `longhaul migrate`. */
export function addMigrateCommand(program: Command, shell: Shell): void {
  program
    .command('migrate')
    .summary('migrate the database')
    .description(
      'Migrate the database to the schema of this version, and activate the admin key of LONGHAUL_ADMIN_KEY. Every server does the same at its start; use this command to do it earlier. On a terminal it also creates and shows the first admin key.',
    )
    .option('--config <file>', 'the configuration (default: longhaul.config.ts in this directory)')
    .option('--json', 'print { applied } as JSON')
    .addHelpText('after', '\nExample:\n  $ LONGHAUL_DATABASE_URL=postgres://db/longhaul longhaul migrate')
    .action((options: MigrateOptions) => migrateDatabase(shell, options));
}

async function migrateDatabase(shell: Shell, { config: file, json }: MigrateOptions): Promise<void> {
  const [{ loadConfig }, { migrateOnly }] = await Promise.all([import('../config/load.ts'), import('../longhaul.ts')]);
  const config = await loadConfig({ file, cwd: shell.cwd, env: shell.env });
  // In other output the key would not be seen, and its file may disappear with the job that runs this command.
  const { applied, newAdminKey } = await migrateOnly(config, { makesAdminKey: shell.stdout.isTerminal });
  const lines = [
    ...(applied.length === 0 ? ['The database is up to date.'] : []),
    ...applied.map((name) => `applied ${toTerminalText(name)}`),
    ...(newAdminKey === null
      ? []
      : [`Admin key: ${newAdminKey} (saved in ${toTerminalText(adminKeyFile(config.dataDir))})`]),
  ];
  printOne(shell, { applied }, { json, describe: () => lines });
}
