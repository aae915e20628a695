import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkFirstLoad, measureFirstLoad } from './check-first-load.ts';

describe('the first load of the dashboard', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-first-load-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** Files that do not become smaller when they are compressed: main, a shared chunk, the first page, another page. */
  async function build(bytes: Record<'main' | 'shared' | 'first' | 'other', number>): Promise<Metafile> {
    for (const [name, size] of Object.entries(bytes)) {
      await writeFile(path.join(directory, `${name}.js`), randomBytes(size));
    }
    const output = (
      entryPoint: string | undefined,
      ...imports: [kind: 'import-statement' | 'dynamic-import', path: string][]
    ) => ({
      bytes: 0,
      inputs: {},
      exports: [],
      ...(entryPoint !== undefined && { entryPoint }),
      imports: imports.map(([kind, file]) => ({ kind, path: file })),
    });
    return {
      inputs: {},
      outputs: {
        'main.js': output('dashboard/main.tsx', ['import-statement', 'shared.js'], ['dynamic-import', 'other.js']),
        'shared.js': output(undefined, ['import-statement', 'main.js']),
        'first.js': output('dashboard/pages/overview/overview-page.tsx', ['import-statement', 'shared.js']),
        'other.js': output('dashboard/pages/run/run-page.tsx'),
      },
    };
  }

  it('is that of the frame and the first page, each file once, without pages that are loaded later', async () => {
    const metafile = await build({ main: 10_000, shared: 20_000, first: 30_000, other: 500_000 });
    const { frameBytes, pageBytes } = measureFirstLoad(metafile, directory);
    expect(Math.round(frameBytes / 1_000)).toBe(30);
    expect(Math.round(pageBytes / 1_000)).toBe(60);
    expect(() => checkFirstLoad(metafile, directory)).not.toThrow();
  });

  it('fails the build when it is larger than 260 kB', async () => {
    const metafile = await build({ main: 100_000, shared: 100_000, first: 61_000, other: 10 });
    expect(() => checkFirstLoad(metafile, directory)).toThrow(/^The dashboard's first page loads 26\d{4} bytes/);
  });
});
