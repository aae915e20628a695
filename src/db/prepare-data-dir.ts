import { access, constants, readdir } from 'node:fs/promises';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { makeDirectory } from '../core/paths.ts';

/** What Longhaul keeps in a data directory. `lock.4711` and `admin-key.new` are theirs while they are written. */
const OURS = new Set(['db', 'lock', 'admin-key', 'workspaces']);

/** What a new volume or a checkout brings along. */
const NOBODYS = new Set(['lost+found', '.gitignore', '.gitkeep']);

/**
 * Makes sure that `dataDir` is a directory for Longhaul to use: makes it, for this user alone, or takes it as it
 * stands when it is empty or was Longhaul's before.
 * @throws {LonghaulError} `config_invalid` when it cannot be made or written to, or is somebody else's.
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
    throw refusal(`${dataDir} is not a data directory of Longhaul's, and not empty: it holds ${foreign[0]}`);
  }
}

function isOurs(entry: string): boolean {
  return OURS.has(entry.replace(/\..*$/, ''));
}

function refusal(what: string, cause?: unknown): LonghaulError {
  const message = `${what}. Set LONGHAUL_DATA_DIR to a directory of its own, or to one that can be made.`;
  return new LonghaulError('config_invalid', { message, cause });
}
