import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const src = path.resolve(import.meta.dirname, '../..');

it('is the only insert of events: each number is drawn in one way', () => {
  const files = globSync('**/*.ts', { cwd: src }).filter((file) => !/\.(test|fixture)\.ts$/.test(file));
  const writes = (file: string) =>
    /insert into longhaul\.run_events|insertInto\('longhaul\.run_events/.test(
      readFileSync(path.join(src, file), 'utf8'),
    );
  expect(files.filter(writes)).toEqual(['run/log/write-events.ts']);
});
