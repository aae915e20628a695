import { InvalidArgumentError, type Command } from 'commander';
import { SCOPES, type Scope } from '../access/scopes.ts';
import type { KeyResource } from '../client/client.ts';
import { createInDatabase, type NewKey } from './create-in-database.ts';
import { parseCount, parseKeyId } from './arguments.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { formatAge } from './durations.ts';
import { printList, printOne, type PrintOptions, thereAreMore } from './print.ts';
import type { Shell } from './shell.ts';
import type { Column } from './table.ts';
import { toTerminalLine } from './terminal-text.ts';

interface CreateOptions extends PrintOptions {
  readonly database?: true;
  readonly config?: string;
  readonly scope?: readonly Scope[];
  readonly user?: string;
  readonly team?: string;
}

const SCOPE_HELP = `
Scopes:
  runs:write   submit, cancel and retry runs
  runs:read    read and follow runs
  approvals    decide pending approvals
  admin        everything, including operator actions
  Without --scope: runs:write, runs:read and approvals, for an application's server.

Examples:
  $ longhaul keys create "shop backend"
  $ longhaul keys create "dashboard of ann" --user ann --scope runs:read
  $ longhaul keys create "on-call" --scope admin

Without an admin key, with write access to the database:
  $ longhaul keys create "on-call" --scope admin --database`;

/** Adds `longhaul keys create`, `longhaul keys list` and `longhaul keys revoke`. */
export function addKeysCommand(program: Command, shell: Shell): void {
  const keys = program
    .command('keys')
    .summary('manage API keys')
    .description('Create, list and revoke API keys. Needs an admin key.')
    .helpCommand(false)
    .addHelpText('after', '\nExample:\n  $ longhaul keys create "shop backend"');

  const create = keys
    .command('create')
    .summary('create a key')
    .description('Create a key and print it. It is shown only once, because only its hash is stored.')
    .argument('<name>', 'name of the key, such as the service that uses it')
    .option('--scope <scope>', 'a scope of the key; may be repeated', parseScope)
    .option('--user <user>', 'bind it to one end user: it sees and submits only runs of this user')
    .option('--team <team>', 'bind it to one team')
    .option('--database', 'create it directly in the database of the configuration, without a server and without a key')
    .option('--config <file>', 'with --database: the configuration (default: longhaul.config.ts in this directory)')
    .option('--json', 'print the key as JSON')
    .addHelpText('after', SCOPE_HELP);
  addConnectionOptions(create).action(async (name: string, options: CreateOptions) => {
    const created = options.database === true ? await createInDatabase(shell, name, options) : await ask(name, options);
    printOne(shell, created, {
      json: options.json,
      describe: ({ key }) => key,
      note: ({ id, name }) => `Key ${id} (${toTerminalLine(name)}): ${describe(created)}. It is not shown again.`,
    });
  });

  async function ask(name: string, { scope, user, team, ...options }: CreateOptions): Promise<NewKey> {
    const client = await connect(shell, options);
    return client.createKey({ name, scopes: scope === undefined ? undefined : [...scope], user, team });
  }

  const list = keys
    .command('list')
    .summary('list keys')
    .description('List the keys, newest first, including revoked keys. The keys themselves are not stored.')
    .option('--limit <count>', 'maximum number of keys, 1 to 200', parseCount(1, 200), 50)
    .option('--json', 'print { data, nextCursor } as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul keys list');
  addConnectionOptions(list).action(async ({ limit, ...options }: PrintOptions & { limit: number }) => {
    const client = await connect(shell, options);
    const page = await client.keys({ limit });
    printList(shell, page, { json: options.json, columns: COLUMNS, more: thereAreMore });
  });

  const revoke = keys
    .command('revoke')
    .summary('revoke a key')
    .description(
      'Revoke a key, with its tokens and open streams, immediately and on every server. This cannot be undone. The last admin key cannot be revoked.',
    )
    .argument('<id>', "the key's id", parseKeyId)
    .option('--json', 'print the key as JSON')
    .addHelpText('after', '\nExample:\n  $ longhaul keys revoke 01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f');
  addConnectionOptions(revoke).action(async (id: string, options: PrintOptions) => {
    const client = await connect(shell, options);
    const key = await client.revokeKey(id);
    printOne(shell, key, {
      json: options.json,
      describe: ({ name }) => `Key ${key.id} (${toTerminalLine(name)}) is revoked.`,
    });
  });
}

function parseScope(value: string, before: readonly Scope[] = []): Scope[] {
  const scope = SCOPES.find((name) => name === value);
  if (scope === undefined) throw new InvalidArgumentError(`It must be one of ${SCOPES.join(', ')}.`);
  return [...before, scope];
}

function describe({ scopes, user, team }: Pick<KeyResource, 'scopes' | 'user' | 'team'>): string {
  const bound = [
    user === null ? [] : `user ${toTerminalLine(user)}`,
    team === null ? [] : `team ${toTerminalLine(team)}`,
  ];
  return [scopes.join(', '), ...bound.flat()].join('; ');
}

const COLUMNS: readonly Column<KeyResource>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'STATE', value: ({ revokedAt }) => (revokedAt === null ? 'active' : 'revoked') },
  { title: 'AGE', align: 'right', value: ({ createdAt }) => formatAge(createdAt) },
  {
    title: 'USED',
    align: 'right',
    value: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : formatAge(lastUsedAt)),
  },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'SCOPES', value: describe },
];
