import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { MachineFaultError } from '../core/machine-fault.ts';

/** The private directories of one process, absolute. */
export interface Scratch {
  /** What holds the others. */
  readonly root: string;
  readonly home: string;
  readonly configDir: string;
  readonly tmpDir: string;
  /** Removes them all. Never throws: what could not be removed is logged. */
  remove(): Promise<void>;
}

interface ScratchOptions {
  readonly scratchRoot: string;
  readonly processId: string;
  readonly log?: Logger | undefined;
}

/**
 * What Claude Code 2.1.330 notes in a new home at its first start: that its migrations of older settings are done, and
 * identifiers it makes up. A start that finds them takes 5 % less of a processor, and 16 ms less to the first word (371
 * ms against 387, medians of 17). A later version runs what it has more of, and one that does not know the names
 * ignores them.
 */
function toSettledIn(): object {
  return {
    migrationVersion: 15,
    opusProMigrationComplete: true,
    hasResetAutoModeOptInForDefaultOffer: true,
    firstStartTime: new Date().toISOString(),
    firstStartVersion: '2.1.330',
    seenNotifications: {},
    machineID: randomBytes(32).toString('hex'),
    userID: randomBytes(32).toString('hex'),
  };
}

/**
 * Makes a home, a configuration and a temporary directory that no other process of an agent sees, for this user only.
 * @throws {MachineFaultError} when they cannot be made.
 */
export async function createScratch({ scratchRoot, processId, log }: ScratchOptions): Promise<Scratch> {
  const root = path.resolve(scratchRoot, processId);
  const directories = { home: `${root}/home`, configDir: `${root}/config`, tmpDir: `${root}/tmp` };
  const settledIn = path.join(directories.configDir, '.claude.json');
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await Promise.all(Object.values(directories).map((made) => mkdir(made, { recursive: true, mode: 0o700 })));
    await writeFile(settledIn, JSON.stringify(toSettledIn()), { mode: 0o600 });
  } catch (cause) {
    await rm(root, { recursive: true, force: true }).catch(() => {}); // What is there of it helps nobody.
    throw new MachineFaultError(`no directories can be made in ${scratchRoot}: ${toMessage(cause)}`, cause);
  }
  return {
    root,
    ...directories,
    async remove() {
      try {
        await rm(root, { recursive: true, force: true, maxRetries: 3 });
      } catch (error) {
        log?.warn({ processId, root, error: toMessage(error) }, 'the directories of a process could not be removed');
      }
    },
  };
}
