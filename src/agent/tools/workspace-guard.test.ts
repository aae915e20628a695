import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findStrayPath } from './workspace-guard.ts';

let root: string;
let workspaceDir: string;

beforeAll(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-guard-')));
  workspaceDir = path.join(root, 'workspace');
  await mkdir(path.join(workspaceDir, 'src'), { recursive: true });
  // A neighbour whose name begins like the workspace's.
  await mkdir(path.join(root, 'workspace-of-others'));
  await writeFile(path.join(root, 'secret'), '');
  await symlink(root, path.join(workspaceDir, 'out'));
  await symlink('src', path.join(workspaceDir, 'in'));
  await symlink(path.join(root, 'not-there'), path.join(workspaceDir, 'dangling'));
  await symlink('loop', path.join(workspaceDir, 'loop'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const find = (name: string, input: object, cwd = workspaceDir) => findStrayPath({ name, input, workspaceDir, cwd });

test.each(['.', 'src', 'src/new/deep/file.ts', 'in/file.ts', 'src/../src', '..hidden', 'a..b', '...', ''])(
  '%j stays in the workspace',
  async (file) => {
    expect(await find('Read', { file_path: file })).toBeNull();
    expect(await find('Read', { file_path: path.resolve(workspaceDir, file) })).toBeNull();
  },
);

test.each([
  '/etc/hostname',
  '..',
  '../secret',
  'src/../../secret',
  'out',
  'out/secret',
  'out/new/file',
  'dangling',
  'dangling/file',
  'loop',
  ' /etc/hostname',
  '\n/etc/hostname',
  '~',
  '~/x',
  'nul\0',
  '/',
])('%j leaves it', async (file) => {
  expect(await find('Read', { file_path: file })).toBe(file);
  expect(await find('NotebookEdit', { notebook_path: file })).toBe(file);
  expect(await find('Grep', { pattern: 'x', path: file })).toBe(file);
});

test('a neighbour with the same beginning of its name is outside', async () => {
  const file = path.join(root, 'workspace-of-others', 'x');
  expect(await find('Write', { file_path: file })).toBe(file);
});

test("a relative path is resolved from Claude Code's current directory", async () => {
  expect(await find('Read', { file_path: 'workspace/src' }, root)).toBeNull();
  expect(await find('Read', { file_path: 'secret' }, root)).toBe('secret');
  expect(await find('Glob', { pattern: '*' }, root)).toBe('*');
});

test.each(['**/*.ts', 'src/*', '*.{ts,js}', '!*.md', 'in/*', '[ab]*', 'a/**/b..c'])(
  'the pattern %j stays in the workspace',
  async (pattern) => {
    expect(await find('Glob', { pattern })).toBeNull();
    expect(await find('Grep', { pattern: '/etc/../', glob: pattern })).toBeNull();
  },
);

test.each([
  '../*',
  '**/../../*',
  '{a,..}/x',
  '{/etc,src}/*',
  '{src,/etc}/*',
  'out/*',
  '/etc/*',
  '/*',
  '~/*',
  'src/../../x*',
])('the pattern %j leaves it', async (pattern) => {
  expect(await find('Glob', { pattern })).toBe(pattern);
  expect(await find('Grep', { pattern: 'x', glob: pattern })).toBe(pattern);
});

test('a pattern is resolved from its given directory', async () => {
  expect(await find('Glob', { pattern: 'src/*', path: '.' })).toBeNull();
  expect(await find('Glob', { pattern: `${workspaceDir}/*`, path: 'src' })).toBeNull();
});

test('a value that is not a path is not checked', async () => {
  expect(await find('Bash', { command: 'cat /etc/hostname' })).toBeNull();
  expect(await find('Read', { file_path: 7 })).toBeNull();
  expect(await find('Grep', { pattern: '^/etc/../x' })).toBeNull();
});
