import type { Command } from 'commander';
import type { LonghaulClient } from '../client/client.ts';
import { addConnectionOptions, connect, findUrl } from './connection.ts';
import { printOne, type PrintOptions } from './print.ts';
import type { Shell } from './shell.ts';

/** Adds `longhaul dashboard`. */
export function addDashboardCommand(program: Command, shell: Shell): void {
  const command = program
    .command('dashboard')
    .summary('print a link to the dashboard')
    .description(
      'Prints a link that opens the dashboard and signs in with the key of this command: once, within ten minutes. Pass it to nobody.',
    )
    .option('--json', 'print { url, expiresAt } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul dashboard');
  addConnectionOptions(command).action(async (options: PrintOptions) => {
    const link = await createLink(await connect(shell, options), findUrl(shell, options));
    printOne(shell, link, { json: options.json, describe: ({ url }) => url });
  });
}

/** Makes a link that signs a browser in once, as the key of the client. */
export async function createLink(client: LonghaulClient, server: string): Promise<{ url: string; expiresAt: string }> {
  const { code, path, expiresAt } = await client.createSignInCode();
  return { url: `${new URL(path, server).href}#code=${code}`, expiresAt };
}
