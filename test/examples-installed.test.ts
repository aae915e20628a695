import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seedDatabase } from '../src/testing/seed-database.ts';
import { findChromium, startChromium } from './support/chromium.ts';
import { installPackage, packPackage } from './support/pack-package.ts';

const exec = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const executable = findChromium();

// Applications with pages, as users would run them: Longhaul installed from its tarball, the page in Chromium, the
// built-in scripted model as the provider.

describe.skipIf(executable === null)('the examples with pages, installed', () => {
  let directory: string;
  let project: string;
  let browser: Browser;
  let server: ChildProcess | null = null;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-pages-'));
    project = path.join(directory, 'nextjs');
    const skipped = /node_modules|\.next/;
    await cp(path.join(root, 'examples/nextjs'), project, {
      recursive: true,
      filter: (source) => !skipped.test(path.relative(root, source)),
    });
    await cp(path.join(root, 'examples/express'), path.join(project, 'express'), { recursive: true });
    await cp(path.join(root, '.npmrc'), path.join(project, '.npmrc'));
    // Longhaul and what it needs are installed once for a test run; npm adds the rest.
    await exec('cp', ['-R', '--link', path.join(await installPackage(), 'node_modules'), project]);
    await exec('npm', ['install', '--no-save', '--prefer-offline', await packPackage(), 'express@5'], { cwd: project });
    browser = await startChromium(executable!);
  }, 400_000);

  afterEach(async () => {
    if (server === null) return;
    const exited = once(server, 'exit');
    server.kill('SIGTERM');
    await exited;
    server = null;
  });

  afterAll(async () => {
    await browser?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** The environment: Node 24 first, as with `npm run`, without the configuration variables of this process. */
  const env = (more: Record<string, string> = {}) => ({
    PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH']}`,
    HOME: directory,
    TMPDIR: directory,
    NEXT_TELEMETRY_DISABLED: '1',
    ...more,
  });

  /** Starts a server; resolves with the address that it prints. */
  async function serve(args: readonly string[], variables: Record<string, string>): Promise<string> {
    const child = spawn(process.execPath, args, {
      cwd: project,
      env: env(variables),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    server = child;
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
    for await (const line of createInterface({ input: child.stdout })) {
      printed += `${line}\n`;
      const [url] = /http:\/\/(?:127\.0\.0\.1|localhost):\d+\S*/.exec(line) ?? [];
      if (url === undefined) continue;
      child.stdout.resume();
      return url;
    }
    throw new Error(`It ended before it listened:\n${printed}`);
  }

  it('Express: a page on which only the user sees their own runs', async () => {
    const dataDir = path.join(directory, 'express-data');
    await seedDatabase(dataDir);
    const url = await serve(['express/server.ts'], { PORT: '0', LONGHAUL_DATA_DIR: dataDir });
    const [ann, bob] = await Promise.all([browser.newPage(), browser.newPage()]);
    await ann.goto(url);
    await bob.goto(url.replace('ann', 'bob'));
    await ann.getByRole('button').click();
    await ann.locator('pre[data-end="run.succeeded"]').filter({ hasText: 'Write a haiku.' }).waitFor();
    await bob.getByRole('button').click();
    await bob.locator('pre[data-end]').waitFor();
    expect(await bob.locator('pre').count()).toBe(1);
    expect(await ann.locator('pre').count()).toBe(1);
    await Promise.all([ann.close(), bob.close()]);
  });

  it('Next.js: built and started, with the hooks in its page and the API in its route handlers', async () => {
    await writeFile(path.join(project, 'next-env.d.ts'), '/// <reference types="next" />\n');
    const next = path.join(project, 'node_modules/next/dist/bin/next');
    await rm(path.join(project, 'express'), { recursive: true });
    await exec(process.execPath, [next, 'build'], { cwd: project, env: env(), maxBuffer: 1e8 });
    const dataDir = path.join(directory, 'next-data');
    await seedDatabase(dataDir);
    const args = [next, 'start', '--port', '0', '--hostname', '127.0.0.1'];
    const url = await serve(args, { LONGHAUL_DATA_DIR: dataDir });
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByRole('button', { name: 'Write a haiku' }).click();
    await page.locator('.status').filter({ hasText: 'succeeded' }).waitFor();
    expect(await page.locator('article p').first().textContent()).toContain('Write a haiku.');
    expect((await fetch(`${url}/api/longhaul/v1/runs`)).status).toBe(401);
    await page.close();
  }, 180_000);
});
