import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findPresence, ownIdentity } from '../core/process-identity.ts';

const PREFIX = 'longhaul-worker-';

/** Which process a scratch directory belongs to, in the directory itself. */
const OWNER_FILE = 'owner';

/** Makes the directory under which this process's attempts keep what is private to them: in the system's temporary directory, where paths are short. */
export async function makeScratch(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), PREFIX));
  await writeFile(path.join(directory, OWNER_FILE), ownIdentity());
  return directory;
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
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(PREFIX)) continue;
    const directory = path.join(tmpdir(), entry);
    // One without an owner, or another user's, is not ours to judge.
    const owner = await readFile(path.join(directory, OWNER_FILE), 'utf8').catch(() => null);
    if (owner !== null && findPresence(owner) === 'gone') await rm(directory, { recursive: true, force: true });
  }
}
