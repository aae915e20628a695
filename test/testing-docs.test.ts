import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readExamples } from './support/doc-examples.ts';
import { NODE_ARGS, withCache } from './support/run-command.ts';

// The examples of `docs/testing.md`, as a user would run them: with the real executable.

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');

let directory: string;
let examples: string[];

beforeAll(async () => {
  examples = await readExamples('docs/testing.md');
  directory = await mkdtemp(path.join(tmpdir(), 'longhaul-docs-'));
  const modules = path.join(directory, 'node_modules');
  await mkdir(modules);
  await symlink(root, path.join(modules, 'longhaul'));
  await symlink(path.join(root, 'node_modules/@anthropic-ai'), path.join(modules, '@anthropic-ai'));
  await writeFile(path.join(directory, 'package.json'), '{ "type": "module" }');
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const find = (words: string) => examples.find((code) => code.includes(words))!;

/** Runs a user's file. */
async function node(...args: string[]): Promise<string> {
  const shared = { LONGHAUL_TEST_DATABASE: process.env['LONGHAUL_TEST_DATABASE']! };
  const env = withCache({ PATH: process.env['PATH'] ?? '', HOME: directory, TMPDIR: directory, ...shared });
  const { stdout } = await run(process.execPath, [...NODE_ARGS, ...args], { cwd: directory, env });
  return stdout;
}

it('the test of an agent passes', async () => {
  await writeFile(path.join(directory, 'summarise.ts'), find('export async function summarise'));
  await writeFile(path.join(directory, 'summarise.test.ts'), find("from './summarise.ts'"));
  expect(await node('--test', '--test-reporter=tap', 'summarise.test.ts')).toMatch(/^# pass 1\n# fail 0$/m);
});

it('the test with all of Longhaul prints the answer of the agent', async () => {
  await mkdir(path.join(directory, 'notes'));
  await writeFile(path.join(directory, 'longhaul.ts'), find('await startTestLonghaul'));
  expect(await node('longhaul.ts')).toContain('The launch is on Friday.\n');
});
