import type { Command } from 'commander';
import { adminKeyFile } from '../api/admin-key.ts';
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
      'Brings the database to the schema of this version, and puts the admin key of LONGHAUL_ADMIN_KEY in force. Every start of a server does so too; this is for doing it before. On a terminal it makes the first admin key and shows it.',
    )
    .option('--config <file>', 'the configuration (default: longhaul.config.ts in this directory)')
    .option('--json', 'print { applied } as JSON')
    .addHelpText('after', '\nExample:\n  $ LONGHAUL_DATABASE_URL=postgres://db/longhaul longhaul migrate')
    .action((options: MigrateOptions) => migrateDatabase(shell, options));
}

async function migrateDatabase(shell: Shell, { config: file, json }: MigrateOptions): Promise<void> {
  const { stdout } = shell;
  const [{ loadConfig }, { migrateOnly }] = await Promise.all([import('../config/load.ts'), import('../longhaul.ts')]);
  const config = await loadConfig({ file, cwd: shell.cwd, env: shell.env });
  // Elsewhere nobody would see it, and its file may be gone with the job that this is a part of.
  const { applied, newAdminKey } = await migrateOnly(config, { makesAdminKey: stdout.isTerminal });
  if (json === true) return stdout.line(toTerminalJson({ applied }));
  if (applied.length === 0) stdout.line('The database is up to date.');
  for (const name of applied) stdout.line(`applied ${toTerminalText(name)}`);
  if (newAdminKey === null) return undefined;
  return stdout.line(`Admin key: ${newAdminKey} (kept in ${toTerminalText(adminKeyFile(config.dataDir))})`);
}
