import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConfig } from '../src/config/resolve.ts';
import { readExamples } from './support/doc-examples.ts';
import { packPackage } from './support/pack-package.ts';

// The examples of `docs/agents.md` are configurations: each is type-checked as its reader would write it, and accepted.

const root = path.resolve(import.meta.dirname, '..');

describe('the examples of the page on agents', () => {
  let directory: string;
  let examples: string[];

  beforeAll(async () => {
    examples = await readExamples('docs/agents.md');
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-docs-'));
    await symlink(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
    await Promise.all(examples.map((code, index) => writeFile(path.join(directory, `example-${index}.ts`), code)));
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('have the types of the package', async () => {
    // Only its declarations: a check of the sources takes ten times as long.
    await promisify(execFile)('tar', ['-xzf', await packPackage(), '-C', directory, 'package/dist']);
    const tsconfig = {
      extends: path.join(root, 'tsconfig.json'),
      compilerOptions: {
        rootDir: '/',
        paths: { longhaul: [path.join(directory, 'package/dist/index.d.ts')] },
      },
      include: ['*.ts'],
    };
    await writeFile(path.join(directory, 'package.json'), JSON.stringify({ type: 'module' }));
    await writeFile(path.join(directory, 'tsconfig.json'), JSON.stringify(tsconfig));
    const found = await new Promise<string>((resolve) => {
      execFile(path.join(root, 'node_modules/.bin/tsc'), ['-p', directory], (_, stdout) => resolve(stdout));
    });
    expect(examples.length).toBeGreaterThan(4);
    expect(found).toBe('');
  }, 180_000);

  it('are accepted unchanged', async () => {
    for (const [index, code] of examples.entries()) {
      const file = path.join(directory, `run-${index}.ts`);
      const local = code.replaceAll("'longhaul'", `'${path.join(root, 'src/index.ts')}'`);
      await writeFile(file, local);
      const { default: input } = (await import(file)) as { default: unknown };
      const env = { TICKETS_HOST: 'tickets.example.com', TICKETS_TOKEN: 'token' };
      expect(resolveConfig({ input, baseDir: directory, env }).agents.size).toBeGreaterThan(0);
    }
  });
});
