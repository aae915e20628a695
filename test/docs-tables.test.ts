import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventTypes } from '../src/api/contract/events.ts';
import { CHECKS } from '../src/doctor/checks.ts';
import { DRILLS } from '../src/drill/run-drills.ts';

const root = path.resolve(import.meta.dirname, '..');

it('docs/http-api.md has a row for each type of event', async () => {
  const page = await readFile(path.join(root, 'docs/http-api.md'), 'utf8');
  const types = [...page.matchAll(/^\| `((?:run|agent|approval)\.[a-z_.]+)` \|/gm)].map(([, type]) => type);
  expect(types).toHaveLength(eventTypes.length);
  expect(new Set(types)).toEqual(new Set(eventTypes));
});

it('src/db/README.md names the migration that last defines each SQL function', async () => {
  const inForce = new Map<string, string>();
  const directory = path.join(root, 'src/db/migrations');
  for (const file of (await readdir(directory)).toSorted()) {
    const text = await readFile(path.join(directory, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/^create (?:or replace )?function longhaul\.([a-z_]+)/gm)) {
      inForce.set(name, file.slice(0, 4));
    }
    for (const [, name = ''] of text.matchAll(/^drop function (?:if exists )?longhaul\.([a-z_]+)/gm))
      inForce.delete(name);
  }
  const page = await readFile(path.join(root, 'src/db/README.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (`[a-z_`, ]+`) \| (\d{4}) \|/gm)].flatMap(([, names = '', number = '']) =>
    [...names.matchAll(/[a-z_]+/g)].map(([name]): [string, string] => [name, number]),
  );
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(inForce));
});

describe('docs/doctor.md', () => {
  it('has a row for each check, with its id and title, in the order of the report', async () => {
    const page = await readFile(path.join(root, 'docs/doctor.md'), 'utf8');
    const section = page.slice(page.indexOf('## Checks'), page.indexOf('## Drills'));
    const rows = [...section.matchAll(/^\| `([a-z-]+)` \| ([^|]+) \|/gm)].map(([, id, title]) => ({
      id,
      title: title?.trim(),
    }));
    expect(rows).toEqual(CHECKS.map(({ id, title }) => ({ id, title })));
  });

  it('has a row for each drill', async () => {
    const page = await readFile(path.join(root, 'docs/doctor.md'), 'utf8');
    const ids = [...page.slice(page.indexOf('## Drills')).matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, id]) => id);
    expect(ids).toEqual(DRILLS.map(({ id }) => id));
  });

  it.each(CHECKS)('is linked from a check to a section that exists: $id', async ({ docs }) => {
    const [file = '', anchor] = docs.split('#');
    const text = await readFile(path.join(root, file), 'utf8');
    const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    );
    if (anchor !== undefined) expect(anchors).toContain(anchor);
  });
});
