import { execFile } from 'node:child_process';
import { link, mkdir, mkdtemp, readFile, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createId } from '../../core/ids.ts';
import {
  createToolResults,
  MAX_FILE_BYTES,
  MAX_NAMES,
  MAX_READ_BYTES,
  RESULTS_PATH,
  type ToolResults,
} from './tool-results.ts';

const SESSION = createId();
let root: string;
/** The directory in which Claude Code puts large results. */
let directory: string;
let results: ToolResults;

beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-results-')));
  directory = path.join(root, 'config/projects/-the-workspace', SESSION, 'tool-results');
  await mkdir(directory, { recursive: true });
  results = createToolResults({ root });
  results.useConfigDir(path.join(root, 'config'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const named = (...names: string[]) => ({
  message: { content: names.map((name) => `saved to ${RESULTS_PATH}/${name}`) },
});
const read = async (...names: string[]) =>
  (await results.read(named(...names), SESSION)).map(({ name, content }) => [name, Buffer.from(content).toString()]);

test('the directory is replaced in events, and the directory of restored results is put in its place', () => {
  const told = { a: [`Saved to ${directory}/b1.txt. Or in ${directory}`, 1, null], b: `${root}/config/projects/x` };
  const hidden = results.hide(told);
  expect(hidden).toEqual({ ...told, a: [`Saved to ${RESULTS_PATH}/b1.txt. Or in ${RESULTS_PATH}`, 1, null] });
  const shown = results.show(hidden, SESSION);
  expect(shown.a[0]).toBe(`Saved to ${root}/tool-results/${SESSION}/b1.txt. Or in ${root}/tool-results/${SESSION}`);
  expect(results.hide(shown)).toEqual(hidden);
});

test('a value without such a directory stays the same object', () => {
  const entry = { text: `${directory}-old and ${RESULTS_PATH}s`, list: [{}] };
  expect(results.hide(entry)).toBe(entry);
  expect(results.show(entry, SESSION)).toBe(entry);
});

test('files are read by the names in the entries, at most 2 MB of each', async () => {
  await writeFile(path.join(directory, 'b1.txt'), 'all of it');
  await writeFile(path.join(directory, 'long.txt'), Buffer.alloc(MAX_FILE_BYTES + 5, 'x'));
  expect(await read('b1.txt.', 'missing.txt')).toEqual([['b1.txt', 'all of it']]);
  const [long] = await read('long.txt');
  expect(long?.[1]).toMatch(/^x{2000000}\n\[The rest is missing: only the first 2000000 of 2000005 bytes were kept/);
});

test('an agent that names any number of files cannot make the worker read them all', async () => {
  const large = Array.from({ length: 12 }, (_, index) => `large-${index}.txt`);
  for (const name of large) {
    await writeFile(path.join(directory, name), '');
    await truncate(path.join(directory, name), MAX_FILE_BYTES);
  }
  const bytes = (await results.read(named(...large), SESSION)).reduce((sum, { content }) => sum + content.length, 0);
  expect(bytes).toBe(MAX_READ_BYTES);
  await writeFile(path.join(directory, 'last.txt'), 'beyond the bound');
  const missing = Array.from({ length: MAX_NAMES }, (_, index) => `missing-${index}.txt`);
  expect(await read(...missing, 'last.txt')).toEqual([]);
  expect(await read(...missing.slice(1), 'last.txt')).toEqual([['last.txt', 'beyond the bound']]);
});

test('no link is followed, and only plain files are read', async () => {
  const secret = path.join(root, 'secret');
  await writeFile(secret, 'a secret');
  await symlink(secret, path.join(directory, 'link.txt'));
  await link(secret, path.join(directory, 'hard.txt'));
  await promisify(execFile)('mkfifo', [path.join(directory, 'pipe.txt')]);
  await mkdir(path.join(directory, 'dir.txt'));
  expect(await read('link.txt', 'hard.txt', 'pipe.txt', 'dir.txt', '../secret', '..')).toEqual([]);
});

test('a directory that was replaced by a link is ignored', async () => {
  const other = path.join(root, 'other');
  await mkdir(other);
  await writeFile(path.join(other, 'b1.txt'), 'a secret');
  await rm(directory, { recursive: true });
  await symlink(other, directory);
  expect(await results.findDirectories(SESSION)).toEqual([]);
  expect(await read('b1.txt')).toEqual([]);
});

test('the results of another conversation are not read', async () => {
  expect(await results.findDirectories(SESSION)).toEqual([directory]);
  expect(await results.findDirectories(createId())).toEqual([]);
  expect(await results.findDirectories('../../..')).toEqual([]);
});

test('stored files are restored where their conversation finds them', async () => {
  await results.restore([{ name: '../b1.txt', content: Buffer.from('one') }], SESSION);
  const place = results.show(`${RESULTS_PATH}/b1.txt`, SESSION);
  expect(await readFile(place, 'utf8')).toBe('one');
  expect(await results.findDirectories(SESSION)).toEqual([directory, path.dirname(place)]);
});
