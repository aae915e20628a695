import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { toMessage } from '../core/errors.ts';
import { MachineFaultError } from '../core/machine-fault.ts';
import { findPresence, ownIdentity } from '../core/process-identity.ts';

const PREFIX = 'longhaul-worker-';

/** The file in a scratch directory that names the process that owns it. */
const OWNER_FILE = 'owner';

/** The directory that contains the private files of this process's attempts. */
export interface ScratchRoot {
  /** The path, in the system's temporary directory, where paths are short. */
  readonly path: string;
  /**
   * Creates the directory if it is missing: a full disk may have prevented it before, or a cleanup tool may have
   * removed it.
   */
  ensure(): Promise<void>;
  remove(): Promise<void>;
}

/** Names a scratch directory for this process. Creates nothing yet. */
export function createScratchRoot(): ScratchRoot {
  const directory = path.join(tmpdir(), `${PREFIX}${randomBytes(9).toString('base64url')}`);
  const owner = path.join(directory, OWNER_FILE);
  return {
    path: directory,
    async ensure() {
      try {
        // A directory that exists and is not ours is rejected with EEXIST.
        if (!(await isOwn(owner))) await mkdir(directory, { mode: 0o700 }).catch(unlessOurs);
        await writeFile(owner, ownIdentity());
      } catch (cause) {
        throw new MachineFaultError(`${directory} could not be created: ${toMessage(cause)}`, cause);
      }
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };

  /** Accepts a directory of ours that was only half made, when the disk had no room for its owner file. */
  async function unlessOurs(error: NodeJS.ErrnoException): Promise<void> {
    const found = await stat(directory).catch(() => null);
    if (error.code !== 'EEXIST' || found?.isDirectory() !== true || found.uid !== process.getuid?.()) throw error;
  }
}

async function isOwn(owner: string): Promise<boolean> {
  return (await readFile(owner, 'utf8').catch(() => null)) === ownIdentity();
}

/**
 * Makes this process, above all the Agent SDK in it, keep its temporary files in a scratch directory. The SDK writes
 * the transcript that it resumes to a temporary directory, and leaves it there when the process is killed. Returns the
 * function that undoes it.
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
  // Without a temporary directory nothing was left behind.
  for (const entry of await readdir(tmpdir()).catch(() => [])) {
    if (!entry.startsWith(PREFIX)) continue;
    const directory = path.join(tmpdir(), entry);
    // A directory without an owner, or of another user, is not ours to judge.
    const owner = await readFile(path.join(directory, OWNER_FILE), 'utf8').catch(() => null);
    if (owner !== null && findPresence(owner) === 'gone') await rm(directory, { recursive: true, force: true });
  }
}
