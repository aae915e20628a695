import { readFile } from 'node:fs/promises';
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
