import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { adminKeyFile } from '../api/admin-key.ts';
import { createClient, type LonghaulClient } from '../client/client.ts';
import { LonghaulNetworkError } from '../client/errors.ts';
import { readSecretFiles } from '../config/read-secret-files.ts';
import { LonghaulError, toMessage } from '../core/errors.ts';
import type { Shell } from './shell.ts';

export interface ConnectionOptions {
  readonly url?: string;
}

/** Adds the option that selects the server of a command. */
export function addConnectionOptions(command: Command): Command {
  return command.option(
    '--url <url>',
    'the server (default: $LONGHAUL_URL, else http://127.0.0.1:$LONGHAUL_PORT or :4400)',
  );
}

/**
 * Creates the client of a command. Its key is `LONGHAUL_API_KEY`. For a server on this machine it is otherwise the key
 * in the variables of the admin key or in the data directory. Each variable may come from a file (`NAME_FILE`).
 * @throws {LonghaulError} `usage` for an invalid URL, `unauthorized` when there is no key or it is malformed,
 * `server_unreachable` when there is no key and no server listens either.
 */
export async function connect(shell: Shell, options: ConnectionOptions): Promise<LonghaulClient> {
  const url = findUrl(shell, options);
  const dataDir = path.resolve(shell.cwd, shell.env['LONGHAUL_DATA_DIR'] ?? '.longhaul');
  const apiKey = await findKey(shell, { url, file: adminKeyFile(dataDir) });
  if (apiKey !== null) return createClient({ url, apiKey, retryForSeconds: 0 });

  // Without a server there may be no key either; then the missing server is the error to report.
  await fetch(`${url.replace(/\/+$/, '')}/livez`).catch((cause: unknown) => {
    throw new LonghaulNetworkError(url, cause);
  });
  throw new LonghaulError('unauthorized', {
    message: isLoopback(url)
      ? `No API key. There is none in ${adminKeyFile(dataDir)}: run this where the server was started, set LONGHAUL_DATA_DIR to its data directory, or set LONGHAUL_API_KEY.`
      : `No API key. Set LONGHAUL_API_KEY to a key of ${url}. The first key is in the file admin-key in the data directory of the server that started first. With write access to the database, create another: longhaul keys create NAME --scope admin --database`,
  });
}

/** Finds the address of the server that a command talks to. */
export function findUrl({ env }: Shell, options: ConnectionOptions): string {
  const url = options.url ?? env['LONGHAUL_URL'] ?? `http://127.0.0.1:${env['LONGHAUL_PORT'] ?? 4400}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new LonghaulError('usage', {
      message: `The server's address must be an http or https URL, such as http://127.0.0.1:4400; received ${JSON.stringify(url)}.`,
    });
  }
  return url;
}

/** Returns whether a URL is on this machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

async function findKey({ env, cwd }: Shell, { url, file }: { url: string; file: string }): Promise<string | null> {
  // The second is the variable that a server on this machine is started with.
  for (const name of isLoopback(url) ? ['LONGHAUL_API_KEY', 'LONGHAUL_ADMIN_KEY'] : ['LONGHAUL_API_KEY']) {
    const secret = readSecretFiles({ env, names: [name], baseDir: cwd });
    const [fault] = secret.errors;
    if (fault !== undefined) throw new LonghaulError('unauthorized', { message: `${fault.path} ${fault.message}` });
    const given = secret.env[name];
    if (given !== undefined) return checkKey(given, secret.files[0] ?? name);
  }
  if (!isLoopback(url)) return null;
  const kept = await readKey(file);
  return kept === null ? null : checkKey(kept, file);
}

/** Rejects a key that a header cannot contain: `fetch` would reject it with an error that repeats the key. */
function checkKey(key: string, source: string): string {
  const trimmed = key.trim();
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new LonghaulError('unauthorized', {
    message: `${source} does not contain a valid API key: a key is one line of printable ASCII characters without spaces. The value is not shown here; copy the key again.`,
  });
}

async function readKey(file: string): Promise<string | null> {
  try {
    const key = (await readFile(file, 'utf8')).trim();
    return key === '' ? null : key;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new LonghaulError('unauthorized', {
      message: `The API key in ${file} cannot be read (${toMessage(cause)}). Run this as the same user as the server, or set LONGHAUL_API_KEY.`,
      cause,
    });
  }
}
