import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { say, startScriptedModel, type ScriptedModel } from '../src/testing/index.ts';
import { findChromium, startChromium } from './support/chromium.ts';
import { findFreePort } from './support/embedded-postgres.ts';
import { startCommand, type StartedCommand } from './support/start-command.ts';

// The hooks in a real browser, against `longhaul start` as a separate process, on another origin.

// In the page.
declare const document: { querySelector(selector: string): { textContent: string | null } | null };

const SLOW = 'word '.repeat(200).trim();
const executable = findChromium();

describe.skipIf(executable === null)('the React hooks, in Chromium', () => {
  let directory: string;
  let model: ScriptedModel;
  let env: Record<string, string>;
  let longhaul: StartedCommand;
  let site: Server;
  let browser: Browser;
  const pages: Page[] = [];
  let tokenSeconds = 900;
  let tokensGiven = 0;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-react-'));
    await writeFile(
      path.join(directory, 'longhaul.config.mjs'),
      `export default {
        agents: { teller: { tools: [], prewarm: false } },
        http: { corsOrigins: ['*'] },
        limits: { perUser: { runsPerMinute: 100 } },
      };`,
    );
    model = await startScriptedModel({
      script: ({ prompt }) =>
        prompt.includes('slow') ? say(SLOW, { chunks: 200, chunkDelayMs: 10 }) : say('A quick answer.'),
    });
    env = {
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'scripted',
      LONGHAUL_LOG_LEVEL: 'warn',
      LONGHAUL_PORT: String(await findFreePort()),
    };
    longhaul = await startCommand(directory, env);
    site = await serveSite();
    browser = await startChromium(executable!);
  });

  afterEach(async () => {
    tokenSeconds = 900;
    await Promise.all(pages.splice(0).map((page) => page.close()));
  });

  afterAll(async () => {
    await browser?.close();
    site?.closeAllConnections();
    site?.close();
    await longhaul?.end('SIGTERM');
    await model?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** The application's own server: its page, and tokens for the signed-in user. */
  async function serveSite(): Promise<Server> {
    const bundle = await build({
      entryPoints: [path.join(import.meta.dirname, 'fixtures/react-app/app.ts')],
      bundle: true,
      write: false,
      format: 'esm',
      conditions: ['longhaul-source'],
      define: { 'process.env.NODE_ENV': '"development"' },
    });
    const script = bundle.outputFiles[0]!.text;
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site');
      if (pathname === '/token') {
        tokensGiven += 1;
        const wanted = { user: searchParams.get('user')!, expiresInSeconds: tokenSeconds };
        longhaul.client.createToken(wanted).then(
          (token) => response.end(JSON.stringify(token)),
          () => response.writeHead(503).end(),
        );
        return;
      }
      const isScript = pathname === '/app.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(
        isScript ? script : '<!doctype html><div id="root"></div><script type="module" src="/app.js"></script>',
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  async function open(user: string, query: Record<string, string> = {}): Promise<Page> {
    const page = await browser.newPage();
    pages.push(page);
    page.on('pageerror', (error) => {
      throw error;
    });
    const address = new URL(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    address.search = new URLSearchParams({ url: longhaul.url, user, ...query }).toString();
    await page.goto(address.href);
    await page.waitForSelector('main[data-live=true]');
    return page;
  }

  const textOfRun = (page: Page, id: string) => page.locator(`[data-run="${id}"] .text`).textContent();

  it('show a run that is submitted from the page, its text while it is written, and its end', async () => {
    const page = await open('ann');
    const run = await longhaul.client.submit({ agent: 'teller', prompt: 'slow', user: 'ann' });
    const article = page.locator(`[data-run="${run.id}"]`);
    await page.waitForFunction(
      ([id, whole]) => {
        const { length } = document.querySelector(`[data-run="${id}"] .text`)?.textContent ?? '';
        return length > 0 && length < whole;
      },
      [run.id, SLOW.length] as const,
    );
    expect(await article.getAttribute('data-status')).toBe('running');
    await page.waitForSelector(`[data-run="${run.id}"][data-status=succeeded]`);
    expect(await textOfRun(page, run.id)).toBe(SLOW);
    expect(await page.locator(`li[data-id="${run.id}"]`).textContent()).toBe('succeeded');
    // 200 pieces of text over 2 seconds: at most a render for each frame, twice each under StrictMode.
    expect(Number(await article.getAttribute('data-renders'))).toBeLessThan(2 * 60 * 4);

    await page.getByRole('button').click();
    await page.getByText('A quick answer.').waitFor();
  });

  it('show all earlier events to a page that opens later', async () => {
    const run = await longhaul.client.submit({ agent: 'teller', prompt: 'slow again', user: 'bea' });
    await longhaul.client.wait(run.id);
    const page = await open('bea');
    await page.waitForSelector(`[data-run="${run.id}"][data-status=succeeded][data-live=true]`);
    expect(await textOfRun(page, run.id)).toBe(SLOW);
  });

  it("do not show another user's run, neither in the list nor by its id", async () => {
    const [own, other] = await Promise.all(
      ['cem', 'eve'].map((user) => longhaul.client.submit({ agent: 'teller', prompt: `of ${user}`, user })),
    );
    await Promise.all([own, other].map((run) => longhaul.client.wait(run!.id)));
    const page = await open('cem', { run: other!.id });
    await page.waitForSelector(`[data-run="${own!.id}"][data-status=succeeded]`);
    await page.locator(`[data-run="${other!.id}"] .error`).filter({ hasText: 'LonghaulNotFoundError' }).waitFor();
    expect(await page.locator('li').count()).toBe(1);
    expect(await page.content()).not.toContain('of eve');
  });

  it('reconnect by themselves when the server was restarted in the middle of a run', async () => {
    const page = await open('dov');
    const run = await longhaul.client.submit({ agent: 'teller', prompt: 'slow one', user: 'dov' });
    await page.waitForFunction(
      (id) => (document.querySelector(`[data-run="${id}"] .text`)?.textContent ?? '').length > 20,
      run.id,
    );
    await longhaul.end('SIGKILL');
    await page.waitForSelector('main[data-live=false]');
    longhaul = await startCommand(directory, env);
    await page.waitForSelector('main[data-live=true]');
    await page.waitForSelector(`[data-run="${run.id}"][data-status=succeeded]`);
    const { result } = await longhaul.client.run(run.id);
    expect(await textOfRun(page, run.id)).toContain(result!);
    const next = await longhaul.client.submit({ agent: 'teller', prompt: 'after it', user: 'dov' });
    await page.waitForSelector(`[data-run="${next.id}"][data-status=succeeded]`);
  }, 90_000);

  it('get a new token when the old one has expired, without a gap', async () => {
    tokenSeconds = 2;
    const page = await open('fay');
    const before = tokensGiven;
    const run = await longhaul.client.submit({ agent: 'teller', prompt: 'slow enough', user: 'fay' });
    await page.waitForSelector(`[data-run="${run.id}"][data-status=succeeded]`);
    expect(await textOfRun(page, run.id)).toBe(SLOW);
    expect(tokensGiven).toBeGreaterThan(before);
  });
});
