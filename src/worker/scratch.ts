import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { toMessage } from '../core/errors.ts';
import { MachineFaultError } from '../core/machine-fault.ts';
import { findPresence, ownIdentity } from '../core/process-identity.ts';

const PREFIX = 'longhaul-worker-';

/** Which process a scratch directory belongs to, in the directory itself. */
const OWNER_FILE = 'owner';

/** The directory under which this process's attempts keep what is private to them. */
export interface ScratchRoot {
  /** In the system's temporary directory, where paths are short. */
  readonly path: string;
  /** Makes it, unless it is there: on a full disk it could not be made before, and a cleaner may have taken it away. */
  ensure(): Promise<void>;
  remove(): Promise<void>;
}

/** Names a scratch directory for this process. Nothing is made yet. */
export function createScratchRoot(): ScratchRoot {
  const directory = path.join(tmpdir(), `${PREFIX}${randomBytes(9).toString('base64url')}`);
  const owner = path.join(directory, OWNER_FILE);
  return {
    path: directory,
    async ensure() {
      try {
        // One that is there and not ours is refused with EEXIST.
        if (!(await isOwn(owner))) await mkdir(directory, { mode: 0o700 }).catch(unlessOurs);
        await writeFile(owner, ownIdentity());
      } catch (cause) {
        throw new MachineFaultError(`${directory} cannot be made: ${toMessage(cause)}`, cause);
      }
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };

  /** Half made, since there was no room for what says whose it is. */
  async function unlessOurs(error: NodeJS.ErrnoException): Promise<void> {
    const found = await stat(directory).catch(() => null);
    if (error.code !== 'EEXIST' || found?.isDirectory() !== true || found.uid !== process.getuid?.()) throw error;
  }
}

async function isOwn(owner: string): Promise<boolean> {
  return (await readFile(owner, 'utf8').catch(() => null)) === ownIdentity();
}

/**
 * Has this process, the Agent SDK in it above all, keep its temporary files in a scratch directory: the SDK writes the
 * transcript it resumes to one, and leaves it behind when the process is killed. Returns what undoes it.
 */
export function moveTemporaryFiles(scratchRoot: string): () => void {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = scratchRoot;
  return () => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  };
}

/** Removes the scratch directories of workers that died without doing so. */
export async function sweepScratch(): Promise<void> {
  // Where there is none, nothing was left in it.
  for (const entry of await readdir(tmpdir()).catch(() => [])) {
    if (!entry.startsWith(PREFIX)) continue;
    const directory = path.join(tmpdir(), entry);
    // One without an owner, or another user's, is not ours to judge.
    const owner = await readFile(path.join(directory, OWNER_FILE), 'utf8').catch(() => null);
    if (owner !== null && findPresence(owner) === 'gone') await rm(directory, { recursive: true, force: true });
  }
}
