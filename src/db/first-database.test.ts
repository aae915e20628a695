import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packDatabase } from '../../scripts/pack-database.ts';
import { seedDatabase } from '../testing/seed-database.ts';
import { beginNow, makeDatabaseOnce } from './first-database.ts';

describe('the first database', () => {
  let root: string;
  let archive: URL;

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'longhaul-first-'));
    await seedDatabase(root);
    archive = pathToFileURL(path.join(root, 'first.tar.gz'));
    await packDatabase(path.join(root, 'db'), archive);
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  const countMigrations = async (directory: string) => {
    const pglite = await PGlite.create(directory);
    const { rows } = await pglite.query<{ count: number }>('select count(*)::int as count from longhaul.migrations');
    await pglite.close();
    return rows[0]!.count;
  };

  it('has every migration', async () => {
    const directory = path.join(root, 'unpacked');
    expect(await makeDatabaseOnce(directory, archive)).toBe(true);
    const migrations = await readdir(new URL('migrations', import.meta.url));
    expect(await countMigrations(directory)).toBe(migrations.length);
  });

  it('begins its statistics when it is first opened', async () => {
    const directory = path.join(root, 'old');
    await makeDatabaseOnce(directory, archive);
    const pglite = await PGlite.create(directory);
    await pglite.exec("update longhaul.stat_progress set minutes_until = '2001-01-01', quarters_until = '2001-01-01'");
    await beginNow(pglite);
    const { rows } = await pglite.query<{ age: number }>(
      'select extract(epoch from now() - minutes_until)::int as age from longhaul.stat_progress',
    );
    await pglite.close();
    expect(rows[0]!.age).toBeLessThan(1_900);
  });

  it('takes the place of an empty directory, and of an unfinished one', async () => {
    const directory = path.join(root, 'again');
    await mkdir(directory);
    await mkdir(`${directory}.new/base`, { recursive: true });
    await writeFile(path.join(`${directory}.new`, 'PG_VERSION'), 'broken');
    await makeDatabaseOnce(directory, archive);
    expect(await readdir(root)).not.toContain('again.new');
    expect(await countMigrations(directory)).toBeGreaterThan(1);
  });

  it('leaves a database alone', async () => {
    const directory = path.join(root, 'own');
    await mkdir(directory);
    await writeFile(path.join(directory, 'PG_VERSION'), '17');
    await makeDatabaseOnce(directory, archive);
    expect(await readdir(directory)).toEqual(['PG_VERSION']);
  });

  it('leaves nothing half made when the archive is damaged', async () => {
    const directory = path.join(root, 'damaged');
    const damaged = path.join(root, 'damaged.tar.gz');
    await writeFile(damaged, 'no archive');
    await expect(makeDatabaseOnce(directory, pathToFileURL(damaged))).rejects.toThrow();
    expect(await readdir(root)).not.toContain('damaged');
  });

  it('is made by PostgreSQL itself where the package has none', async () => {
    const directory = path.join(root, 'made');
    await makeDatabaseOnce(directory, pathToFileURL(path.join(root, 'missing.tar.gz')));
    const pglite = await PGlite.create(directory);
    expect((await pglite.query('show shared_buffers')).rows).toEqual([{ shared_buffers: '16MB' }]);
    await pglite.close();
  });
});
