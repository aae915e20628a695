import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import Anthropic from 'anthropic-1.14';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listen, type Listening } from '../src/api/listen.ts';
import type { LonghaulConfig } from '../src/config/schema.ts';
import { say, startTestLonghaul, turn, useTool, type TestLonghaul } from '../src/testing/index.ts';
import { readExamples } from './support/doc-examples.ts';
import { NODE_ARGS, withCache } from './support/run-command.ts';

// The examples of `docs/managed-agents.md` and `docs/attachments.md`, as a user would run them: with the real executable.

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');

let directory: string;
let examples: string[];
let test: TestLonghaul;
let server: Listening;

beforeAll(async () => {
  examples = await readExamples('docs/managed-agents.md');
  directory = await mkdtemp(path.join(tmpdir(), 'longhaul-docs-'));
  const modules = path.join(directory, 'node_modules');
  await mkdir(path.join(modules, '@anthropic-ai'), { recursive: true });
  await symlink(root, path.join(modules, 'longhaul'));
  await symlink(path.join(root, 'node_modules/anthropic-1.14'), path.join(modules, '@anthropic-ai/sdk'));
  await writeFile(path.join(directory, 'package.json'), '{ "type": "module" }');
  await mkdir(path.join(directory, 'notes'));
  // As the file of an application, without its helper.
  const file = path.join(directory, 'settings.mjs');
  await writeFile(file, `const defineConfig = (config) => config;\n${find('defineConfig')}`);
  const { default: config } = (await import(file)) as { default: LonghaulConfig };
  test = await startTestLonghaul({
    config: { ...config, webhooks: { allowHttp: true, allowPrivateAddresses: true } },
    baseDir: directory,
    script: ({ toolNames, toolResults }) =>
      toolNames.includes('mcp__custom__weather') && toolResults.length === 0
        ? turn(useTool('mcp__custom__weather', { city: 'Oslo' }))
        : say('The notes are about the launch.'),
  });
  server = await listen({ fetch: (request) => test.longhaul.fetch(request), host: '127.0.0.1', port: 0 });
});

afterAll(async () => {
  await server.close();
  await test.stop();
  await rm(directory, { recursive: true, force: true });
});

const find = (words: string) => examples.find((code) => code.includes(words))!;

function toEnv(own: Readonly<Record<string, string>> = {}) {
  return withCache({
    PATH: process.env['PATH'] ?? '',
    HOME: directory,
    TMPDIR: directory,
    LONGHAUL_TEST_DATABASE: process.env['LONGHAUL_TEST_DATABASE']!,
    LONGHAUL_URL: server.url,
    LONGHAUL_API_KEY: test.apiKey,
    ...own,
  });
}

async function execute(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(command, args, { cwd: directory, env: toEnv() });
  return stdout;
}

it('the first example prints the answer of the agent', async () => {
  await writeFile(path.join(directory, 'first.ts'), find('events.send'));
  expect(await execute(process.execPath, ...NODE_ARGS, 'first.ts')).toBe('The notes are about the launch.\n');
});

it('the application runs its custom tool', async () => {
  const [client = ''] = find('events.send').split('const agent');
  await writeFile(path.join(directory, 'custom.ts'), `${client}${find('betaTool')}`);
  expect(await execute(process.execPath, ...NODE_ARGS, 'custom.ts')).toBe('weather: true\n');
});

it('the deployment starts a session', async () => {
  const [start = ''] = find('events.send').split('const session');
  await writeFile(path.join(directory, 'deployment.ts'), `${start}${find('deployments.create')}`);
  expect(await execute(process.execPath, ...NODE_ARGS, 'deployment.ts')).toMatch(/^manual: sesn_[a-z2-7]{26}\n$/);
});

it('the command line creates a session', async () => {
  const [command = ''] = await readExamples('docs/managed-agents.md', 'sh');
  expect(JSON.parse(await execute('sh', '-c', command))).toMatchObject({ type: 'session', title: 'From a shell' });
});

it('docs/attachments.md attaches files', async () => {
  const [code = ''] = await readExamples('docs/attachments.md');
  await writeFile(path.join(directory, 'sales.csv'), 'month,sales\nMay,3\n');
  await writeFile(path.join(directory, 'attach.ts'), code);
  expect(await execute(process.execPath, ...NODE_ARGS, 'attach.ts')).toBe('The notes are about the launch.\n');
  const command = (await readExamples('docs/attachments.md', 'sh')).find((lines) => lines.startsWith('curl'))!;
  expect(JSON.parse(await execute('sh', '-c', command))).toMatchObject({
    attachments: [{ name: 'hello.txt', bytes: 6 }],
  });
});

it('the test of an application prints the answer', async () => {
  await writeFile(path.join(directory, 'application.ts'), find('startTestLonghaul'));
  expect(await execute(process.execPath, ...NODE_ARGS, 'application.ts')).toBe('[{"type":"text","text":"Hello!"}]\n');
});

it('the receiver of a webhook prints the session that is idle', async () => {
  const free = await listen({ fetch: () => new Response(), host: '127.0.0.1', port: 0 });
  await free.close();
  const { port } = new URL(free.url);
  const { secret } = await test.client.createWebhook({
    url: `http://127.0.0.1:${port}/`,
    format: 'anthropic',
    events: ['session.status_idled'],
  });
  await writeFile(path.join(directory, 'receiver.ts'), find('webhooks.unwrap'));
  const receiver = spawn(process.execPath, [...NODE_ARGS, 'receiver.ts'], {
    cwd: directory,
    env: toEnv({ PORT: port, WEBHOOK_SECRET: secret }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await expect
      .poll(
        () =>
          fetch(`http://127.0.0.1:${port}/`).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 10_000 },
      )
      .toBe(400);
    const client = new Anthropic({ baseURL: `${server.url}/anthropic`, apiKey: test.apiKey, authToken: null });
    const printed = once(receiver.stdout.setEncoding('utf8'), 'data');
    await client.beta.sessions.create({
      agent: 'agent_config_reader',
      environment_id: 'env_default',
      title: 'The report',
      initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'hello' }] }],
    });
    expect(await printed).toEqual(['The report is idle\n']);
  } finally {
    receiver.kill();
    await once(receiver, 'exit');
  }
});
