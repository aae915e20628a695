import { createReadStream } from 'node:fs';
import { access, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { PGlite } from '@electric-sql/pglite';
import { unpackTar } from 'modern-tar/fs';

/**
 * An embedded database with Longhaul's tables and without a run, which the build puts into the package. Unpacking it takes a
 * tenth of the time that PostgreSQL's `initdb` in WebAssembly and the migrations take. A checkout has none.
 */
const ARCHIVE = new URL('first-database.tar.gz', import.meta.url);

/**
 * Makes the embedded database in `directory` unless there is one. Nothing half made is ever in `directory`, whenever the
 * process dies. Returns true for an unpacked database: then call `beginNow` with it.
 */
export async function makeDatabaseOnce(directory: string, archive = ARCHIVE): Promise<boolean> {
  if (!(await isEmpty(directory))) return false;
  const made = `${directory}.new`;
  await rm(made, { recursive: true, force: true });
  // Private itself: other users may be able to read a data directory that already existed.
  await mkdir(made, { mode: 0o700 });
  const isPacked = await exists(archive);
  if (isPacked) await pipeline(createReadStream(archive), createGunzip(), unpackTar(made));
  else await initialize(made);
  await rmdir(directory).catch(ignoreMissing);
  await rename(made, directory);
  return isPacked;
}

/** Begins the statistics now: since the package was built nothing has happened that they would have to look for. */
export async function beginNow(pglite: PGlite): Promise<void> {
  await pglite.exec(`
    update longhaul.stat_progress set minutes_until = now.at, quarters_until = now.at
      from (select date_bin('15 minutes', now() - interval '15 minutes', 'epoch') as at) as now;
    update longhaul.metric_progress set counted_until = date_trunc('minute', now() - interval '15 minutes')`);
}

/**
 * Creates a database that is quick to open and small. PostgreSQL fills its buffers with zeros at each start, and keeps them:
 * the usual 128 MB take half the time of a start, and a quarter of an idle process's memory. Its files are in the cache of the
 * operating system as well. Without databases to create others from, and with smaller log files, two thirds of it are left.
 */
async function initialize(directory: string): Promise<void> {
  const settings = ['shared_buffers=16MB', 'max_wal_size=1GB'].flatMap((setting) => ['--set', setting]);
  const pglite = await PGlite.create(directory, { initDbStartParams: ['--wal-segsize=1', ...settings] });
  await pglite.exec('update pg_database set datistemplate = false');
  for (const name of ['template0', 'template1']) await pglite.exec(`drop database ${name}`);
  await pglite.close();
}

async function isEmpty(directory: string): Promise<boolean> {
  const entries = (await readdir(directory).catch(ignoreMissing)) ?? [];
  return entries.length === 0;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}

function exists(file: URL): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
