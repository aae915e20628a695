import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import { SEES_ALL } from '../viewer.ts';
import { deleteFile, findFiles, readFileContent, removeUnusedFiles, storeFiles, toPart } from './files.ts';
import { readParts } from './read-parts.ts';

const nobody = { user: null, team: null, tenant: null };
const content = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

describe.each(DATABASE_KINDS)('files on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterAll(() => bench.remove());

  const store = async (isListed: boolean) => {
    const file = { name: 'a.png', mediaType: 'image/png', content };
    const [stored] = await storeFiles(bench.database, [file], { ...nobody, isListed });
    return stored!;
  };
  const submitWith = (file: Awaited<ReturnType<typeof store>>) =>
    bench.submit({ parts: [toPart(file), { type: 'text', text: 'Look.' }] });
  const exists = async (id: string) => {
    const { rows } = await sql`select from longhaul.files where id = ${id}`.execute(bench.database.sql);
    return rows.length === 1;
  };
  /** Lets an hour pass for the files that nobody needs. */
  const removeLater = async () => {
    await sql`update longhaul.files set unused_since = unused_since - interval '2 hours'`.execute(bench.database.sql);
    await removeUnusedFiles(bench.database);
  };

  it('returns what was stored', async () => {
    const file = await store(true);
    expect(file).toMatchObject({ name: 'a.png', mediaType: 'image/png', bytes: content.length });
    const found = await findFiles(bench.database, { ids: [file.id], viewer: SEES_ALL });
    expect([...found.values()]).toEqual([file]);
    expect(new Uint8Array((await readFileContent(bench.database, { id: file.id, viewer: SEES_ALL }))!)).toEqual(
      content,
    );
    expect(await readParts(bench.database, [toPart(file)])).toMatchObject([
      { type: 'image', mediaType: 'image/png', data: Buffer.from(content).toString('base64') },
    ]);
  });

  it('keeps a file that was sent with a run as long as the run, and removes it an hour later', async () => {
    const [kept, unused] = [await store(false), await store(false)];
    const { id } = await submitWith(kept);
    await removeUnusedFiles(bench.database);
    expect(await exists(unused.id)).toBe(true);
    await sql`update longhaul.files set unused_since = unused_since - interval '31 minutes'`.execute(
      bench.database.sql,
    );
    const { database } = bench;
    // A run that names a file cannot lose it.
    expect([...(await findFiles(database, { ids: [kept.id, unused.id], viewer: SEES_ALL })).keys()]).toEqual([kept.id]);
    await removeLater();
    expect([await exists(kept.id), await exists(unused.id)]).toEqual([true, false]);

    await sql`delete from longhaul.runs where id = ${id}`.execute(bench.database.sql);
    await removeUnusedFiles(bench.database);
    expect(await exists(kept.id)).toBe(true);
    await removeLater();
    expect(await exists(kept.id)).toBe(false);
  });

  it('keeps an uploaded file until it is deleted and no run contains it', async () => {
    const [free, contained] = [await store(true), await store(true)];
    const { id } = await submitWith(contained);
    await removeLater();
    expect([await exists(free.id), await exists(contained.id)]).toEqual([true, true]);

    for (const file of [free, contained])
      expect(await deleteFile(bench.database, { id: file.id, viewer: SEES_ALL })).toEqual(file);
    expect(await deleteFile(bench.database, { id: free.id, viewer: SEES_ALL })).toBeNull();
    await removeLater();
    expect([await exists(free.id), await exists(contained.id)]).toEqual([false, true]);
    // A worker still reads it.
    expect(await readParts(bench.database, [toPart(contained)])).toHaveLength(1);

    await sql`delete from longhaul.runs where id = ${id}`.execute(bench.database.sql);
    await removeLater();
    expect(await exists(contained.id)).toBe(false);
  });

  it('keeps a file that two runs contain until the second is deleted', async () => {
    const file = await store(false);
    const runs = [await submitWith(file), await submitWith(file)];
    for (const [index, { id }] of runs.entries()) {
      await sql`delete from longhaul.runs where id = ${id}`.execute(bench.database.sql);
      await removeLater();
      expect(await exists(file.id)).toBe(index === 0);
    }
  });
});
