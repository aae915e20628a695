import { access, constants, readdir } from 'node:fs/promises';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { makeDirectory } from '../core/paths.ts';

/** Longhaul's files in a data directory. `lock.4711` and `admin-key.new` are these files while they are written. */
const OURS = new Set(['db', 'lock', 'admin-key', 'workspaces']);

/** Files that a new volume or a checkout contains. */
const NOBODYS = new Set(['lost+found', '.gitignore', '.gitkeep']);

/**
 * Makes sure that Longhaul can use `dataDir`: creates the directory, for this user only, or accepts it unchanged when
 * it is empty or was Longhaul's before.
 * @throws {LonghaulError} `config_invalid` when it cannot be created or written to, or belongs to other software.
 */
export async function prepareDataDir(dataDir: string): Promise<void> {
  let entries: string[];
  try {
    await makeDirectory(dataDir, { mode: 0o700 });
    await access(dataDir, constants.W_OK | constants.X_OK);
    entries = await readdir(dataDir);
  } catch (cause) {
    throw refusal(`${dataDir} cannot be used as the data directory: ${toMessage(cause)}`, cause);
  }
  const foreign = entries.filter((entry) => !NOBODYS.has(entry));
  if (foreign.length > 0 && !foreign.some(isOurs)) {
    throw refusal(`${dataDir} is not a Longhaul data directory and is not empty: it contains ${foreign[0]}`);
  }
}

function isOurs(entry: string): boolean {
  return OURS.has(entry.replace(/\..*$/, ''));
}

function refusal(what: string, cause?: unknown): LonghaulError {
  const message = `${what}. Set LONGHAUL_DATA_DIR to a directory that only Longhaul uses, or to one Longhaul can create.`;
  return new LonghaulError('config_invalid', { message, cause });
}
