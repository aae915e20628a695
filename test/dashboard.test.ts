import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSandbox } from '../src/agent/sandbox/sandbox.ts';
import { listen, type Listening } from '../src/api/listen.ts';
import { createClient, type LonghaulClient } from '../src/client/client.ts';
import { say, startTestLonghaul, turn, useTool, type ModelRequest, type TestLonghaul } from '../src/testing/index.ts';
import { PDF, PNG } from './support/attachments.ts';
import { findChromium, startChromium } from './support/chromium.ts';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.ts';

// The dashboard in Chromium, in front of a whole Longhaul with the real executable, below a path of an application.

const CHROMIUM = findChromium();
const BASE = '/ops';
const POLL = { timeout: 30_000 };
const COLOR_SCHEME = 'document.documentElement.dataset.mantineColorScheme';

const usage = { inputTokens: 1_000, outputTokens: 100 };
/** Numbered, so that a lost or doubled line shows. */
const LINES = Array.from({ length: 60 }, (_, index) => `Line ${index + 1} of the report.`);
const HOSTILE = [
  '<script>window.taken = 1</script><img src=x onerror="window.taken = 2">',
  '[press](javascript:window.taken=3) ![seen](https://elsewhere.example/pixel.png)',
  '[bank](https://elsewhere.example/login) \u202Egpj.exe \u001B[31mred\u001B[0m',
  'x'.repeat(200_000),
].join('\n\n');

function script({ prompt, turn: count }: ModelRequest) {
  if (prompt.includes('report')) return turn(say(LINES.join('\n\n'), { chunks: 60, chunkDelayMs: 120 }), { usage });
  if (prompt.includes('hostile')) return turn(say(HOSTILE), { usage });
  if (prompt.includes('forever')) return turn(say('word '.repeat(600), { chunks: 600, chunkDelayMs: 500 }), { usage });
  if (prompt.startsWith('curl') && count === 0) {
    return turn(useTool('Bash', { command: prompt, description: 'Fetch' }), { usage });
  }
  if (prompt.includes('publish') && count === 0) {
    return turn(useTool('Bash', { command: 'echo draft', description: 'Publish it' }), { usage });
  }
  return turn(say('All **done**.'), { usage });
}

const AGENTS = {
  teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false as const },
  publisher: { model: 'claude-sonnet-4-5', tools: ['Bash'], ask: ['Bash'], prewarm: false as const },
  later: { model: 'claude-sonnet-4-5', tools: [], prewarm: false as const },
  visitor: { model: 'claude-sonnet-4-5', tools: ['Bash'], prewarm: false as const },
};

/** Without a sandbox there are no hosts to show. */
const SANDBOX = await findSandbox();

const PAGES = [
  '/',
  '/runs',
  '/sessions',
  '/approvals',
  '/approvals?status=decided',
  '/try',
  '/queues',
  '/schedules',
  '/alerts?state=all',
  '/health',
  '/costs',
  '/costs?by=agent',
  '/budgets',
  '/webhooks',
  '/audit',
  '/keys',
];

describe.skipIf(CHROMIUM === null)('the dashboard', () => {
  let directory: string;
  let kit: TestLonghaul;
  let server: Listening;
  let proxy: TcpProxy;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** As an application calls it: not through what the browser's connections are cut with. */
  let client: LonghaulClient;
  let home: string;
  /** A page that an agent may fetch. */
  const web = createServer((_, response) => response.end('A page.'));
  /** Errors of the page; there should be none. */
  const faults: string[] = [];
  const requested = new Set<string>();

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-dashboard-'));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const { port } = web.address() as AddressInfo;
    const visitor = { ...AGENTS.visitor, sandbox: { network: { allow: [`127.0.0.1:${port}`] } } };
    const config = {
      agents: { ...AGENTS, visitor },
      worker: { slots: 2 },
      dashboard: { path: '/board' },
      limits: { perUser: { runsPerMinute: false as const } },
    };
    kit = await startTestLonghaul({ config, baseDir: directory, basePath: BASE, script });
    server = await listen({ fetch: (request) => kit.longhaul.fetch(request), host: '127.0.0.1', port: 0 });
    proxy = await startTcpProxy(Number(new URL(server.url).port));
    home = `http://127.0.0.1:${proxy.port}${BASE}/board`;
    const { key } = await kitClient().createKey({ name: 'on-call', scopes: ['admin'] });
    client = createClient({ url: `${server.url}${BASE}`, apiKey: key });
    browser = await startChromium(CHROMIUM!);
    [context, page] = await open();
  });

  afterAll(async () => {
    await browser?.close();
    await proxy?.close();
    await server?.close();
    await kit?.stop();
    web.close();
    await rm(directory, { recursive: true, force: true });
  });

  const kitClient = () =>
    createClient({ url: `http://longhaul.test${BASE}`, apiKey: kit.longhaul.newAdminKey!, fetch: kit.longhaul.fetch });

  async function open(
    options: { width?: number; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<[BrowserContext, Page]> {
    const { width = 1_280, colorScheme = 'light' } = options;
    const opened = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, reducedMotion: 'reduce' });
    opened.setDefaultTimeout(30_000);
    opened.on('request', (request) => requested.add(new URL(request.url()).origin));
    opened.on('page', (tab) => {
      tab.on('pageerror', (error) => faults.push(error.message));
      tab.on('console', (message) => {
        const text = message.text();
        // A browser also writes down answers that the dashboard asked for and knows how to take.
        if (message.type() === 'error' && !/Failed to load resource/.test(text)) faults.push(text);
      });
    });
    return [opened, await opened.newPage()];
  }

  async function signIn(tab: Page, key: string): Promise<void> {
    await tab.goto(home);
    await tab.getByLabel('API key').fill(key);
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('navigation', { name: 'Pages' }).waitFor();
  }

  const goTo = (place: string, tab = page) => tab.goto(place === '/' ? home : `${home}${place}`);

  it('signs in once with a link, and keeps neither code nor key where a script finds it', async () => {
    await goTo('/');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    const { code, path: place } = await client.createSignInCode();
    expect(place).toBe(`${BASE}/board`);
    const link = `http://127.0.0.1:${proxy.port}${place}#code=${code}`;
    // Only what is behind the `#` differs: without this nothing would be loaded.
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(page.url()).not.toContain('code');
    const kept = await page.evaluate<string>(
      'JSON.stringify([document.cookie, Object.entries(localStorage), Object.entries(sessionStorage)])',
    );
    expect(kept).not.toMatch(/lh_|session|sign/i);
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: BASE });

    const [other, tab] = await open();
    await tab.goto(link);
    await tab.getByText('The link did not sign you in').waitFor();
    await other.close();
  });

  it('shows the pictures of a prompt, and downloads its files', async () => {
    const attachments = [
      { name: 'dot.png', mediaType: 'image/png', data: PNG },
      { name: 'paper.pdf', mediaType: 'application/pdf', data: PDF },
    ];
    const run = await client.submit({ agent: 'teller', prompt: 'Look.', user: 'ann', team: 'north', attachments });
    await goTo(`/runs/${run.id}`);
    const list = page.getByRole('list', { name: 'Attachments' });
    const picture = list.getByRole('img', { name: 'dot.png' });
    await expect.poll(() => picture.evaluate((image) => (image as { naturalWidth?: number }).naturalWidth)).toBe(1);
    const file = list.getByRole('button', { name: 'paper.pdf' });
    const [download] = await Promise.all([page.waitForEvent('download'), file.click()]);
    expect(download.suggestedFilename()).toBe('paper.pdf');
    expect((await readFile(await download.path())).toString('base64')).toBe(PDF);
    await client.wait(run.id);
  });

  it('shows a run as it happens, and neither loses nor doubles a line when the server goes away and comes back', async () => {
    const run = await client.submit({ agent: 'teller', prompt: 'Write the report', user: 'ann', team: 'north' });
    await goTo(`/runs/${run.id}`);
    await page.getByText('Line 3 of the report.').waitFor();
    expect((await client.run(run.id)).status).toBe('running');

    proxy.shut();
    await page.getByText('Reconnecting…').waitFor();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    proxy.reopen();
    await page.getByText('Line 60 of the report.').waitFor();
    await page.getByRole('region', { name: 'Result' }).waitFor();
    const shown = await page.locator('[data-kind=text]').innerText();
    expect(shown.split('\n').filter((line) => line !== '')).toEqual(LINES);
    expect((await client.run(run.id)).attempt).toBe(1);

    await page.getByRole('tab', { name: 'Timeline' }).click();
    await page.getByText('Start of Claude Code').waitFor();
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByText('run.succeeded').waitFor();
  });

  it('goes on with the conversation of a run in a second one', async () => {
    await page.getByRole('tab', { name: 'Conversation' }).click();
    await page.getByLabel('Message').fill('And now?');
    const before = page.url();
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.href.split('?')[0] !== before.split('?')[0]);
    await page.getByRole('region', { name: 'Result' }).waitFor();
    await page
      .getByLabel('Details')
      .getByRole('link', { name: /^[0-9a-f]{8}$/ })
      .first()
      .click();
    await page.getByText('Write the report').waitFor();
    expect(await page.getByRole('complementary', { name: 'Runs' }).getByText('Succeeded').count()).toBe(2);
  });

  it.runIf('kind' in SANDBOX)('lists the hosts that a run connected to, and the hosts that were refused', async () => {
    const host = `127.0.0.1:${(web.address() as AddressInfo).port}`;
    const get = `curl -sS --noproxy '' -o /dev/null`;
    const prompt = `${get} http://${host}/; ${get} http://${host}/again; ${get} http://away.example/; ${get} http://10.0.0.1:8080/`;
    const run = await client.submit({ agent: 'visitor', prompt, user: 'ann', team: 'north' });
    await client.wait(run.id);
    await goTo(`/runs/${run.id}`);
    const hosts = page.locator('section', { has: page.getByRole('heading', { name: 'Hosts' }) });
    await hosts.getByText('10.0.0.1:8080').waitFor();
    const shown = await hosts.innerText();
    expect(shown).toMatch(new RegExp(`${host}\\s+2 times, \\d+ B sent, \\d+ B received`));
    expect(shown).toMatch(/away\.example:80\s+refused once/);
    expect(shown).toMatch(/10\.0\.0\.1:8080\s+refused once/);
    await page.getByText('May not connect to away.example:80').waitFor();
  });

  it('submits a run from the form, decides what it asks with one key, and says in its title how much waits', async () => {
    await goTo('/try');
    await page.getByRole('combobox', { name: 'Agent' }).or(page.getByLabel('Agent')).first().click();
    await page.getByRole('option', { name: 'publisher' }).click();
    await page.getByLabel('Prompt').fill('Please publish the draft');
    await page.getByRole('button', { name: 'Run it' }).click();
    await page.getByText('waits for a decision').first().waitFor();
    await expect.poll(() => page.title(), { timeout: 20_000 }).toMatch(/^\(1\) /);

    await goTo('/approvals');
    await page.getByText('publisher wants to use Bash').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('y');
    await page.getByText('Nothing waits for you').waitFor();
    await expect.poll(() => page.title(), { timeout: 20_000 }).not.toMatch(/^\(/);
    const [run] = (await client.runs({ agent: 'publisher' })).data;
    expect(await client.wait(run!.id)).toMatchObject({ status: 'succeeded', result: 'All **done**.' });
  });

  it('keeps the stream of a tab that is hidden for a moment, and closes that of a tab that stays hidden', async () => {
    const [own, page] = await open();
    await own.addCookies(await context.cookies());
    const [opened, closed]: [string[], string[]] = [[], []];
    page.on('request', (request) => request.url().includes('/v1/stream') && opened.push(request.url()));
    page.on('requestfailed', (request) => request.url().includes('/v1/stream') && closed.push(request.url()));
    const show = (state: 'hidden' | 'visible') =>
      page.evaluate(`
        Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));`);
    await goTo('/approvals', page);
    await expect.poll(() => opened.length, POLL).toBe(1);
    await show('hidden');
    await page.waitForTimeout(1_000);
    await show('visible');
    await page.waitForTimeout(500);
    expect([opened.length, closed.length]).toEqual([1, 0]);
    await show('hidden');
    await expect.poll(() => closed.length, POLL).toBe(1);
    await show('visible');
    await expect.poll(() => opened.length, POLL).toBe(2);
    await own.close();
  });

  it('shows in a second tab what happens in the first, and signs out of both', async () => {
    const run = await client.submit({ agent: 'publisher', prompt: 'publish this in two tabs' });
    const [own, first] = await open();
    await own.addCookies(await context.cookies());
    const second = await own.newPage();
    await goTo('/approvals', first);
    await goTo(`/runs/${run.id}`, second);
    await first.getByText('publisher wants to use Bash').waitFor();
    await second.getByText('waits for a decision').first().waitFor();
    await first.getByRole('button', { name: 'Allow', exact: true }).click();
    await first.getByText('Nothing waits for you').waitFor();
    await second.getByRole('region', { name: 'Result' }).waitFor();
    expect(await second.getByText('waits for a decision').count()).toBe(0);

    // A separate sign-in: the other tests need theirs.
    const { code, path: place } = await client.createSignInCode();
    await first.goto('about:blank');
    await first.goto(`http://127.0.0.1:${proxy.port}${place}#code=${code}`);
    await first.getByRole('heading', { name: 'Overview' }).waitFor();
    await second.reload();
    await second.getByRole('region', { name: 'Result' }).waitFor();
    await first.getByRole('button', { name: /Account and colou?rs/ }).click();
    await first.getByRole('menuitem', { name: 'Sign out' }).click();
    await first.getByRole('heading', { name: 'Sign in' }).waitFor();
    await second.getByRole('heading', { name: 'Sign in' }).waitFor({ timeout: 60_000 });
    await own.close();
  }, 120_000);

  it('changes what a tool does before it is allowed, and refuses what is no object', async () => {
    const run = await client.submit({ agent: 'publisher', prompt: 'publish this as well' });
    await goTo(`/runs/${run.id}`);
    await page.getByRole('button', { name: 'Change and allow…' }).click();
    const field = page.getByLabel('Input of the tool');
    await field.fill('[1]');
    await page.getByText('The input of a tool is an object').waitFor();
    await field.fill('{ "command": "echo changed" }');
    await page.getByRole('button', { name: 'Allow with this input' }).click();
    await page.getByRole('region', { name: 'Result' }).waitFor();
    const { data } = await client.eventPage(run.id, { limit: 200 });
    expect(data.find(({ type }) => type === 'agent.tool_result')?.data).toMatchObject({ content: 'changed' });
  });

  it('cancels a run in progress', async () => {
    const run = await client.submit({ agent: 'teller', prompt: 'Talk forever' });
    await goTo(`/runs/${run.id}`);
    await page.getByText('word word').first().waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    expect((await client.run(run.id)).status).toBe('cancelled');
  });

  it('retries a hundred matching runs, not only the loaded ones, and shows the outcome', async () => {
    await client.pauseQueue('later');
    const runs = Array.from({ length: 100 }, (_, index) => ({ agent: 'later', prompt: `Bulk ${index + 1}` }));
    await client.submitMany(runs);
    await client.cancelMany({ agent: 'later', limit: 1_000 });
    await goTo('/runs?agent=later&status=cancelled&q=bulk');
    await page.getByRole('row').nth(5).waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(90);
    await page.getByRole('button', { name: 'All that match' }).click();
    await page.getByRole('menuitem', { name: 'Retry all that failed…' }).click();
    await page.getByText('100 runs will be retried').waitFor();
    await page.getByRole('button', { name: 'Retry runs' }).click();
    await page.getByText('100 retried').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    expect(await client.countRuns({ agent: 'later', status: 'queued' })).toMatchObject({ count: 100 });
    await client.cancelMany({ agent: 'later', limit: 1_000 });
    await client.resumeQueue('later');
  });

  it('changes a budget, at once and for all, and remembers who did', async () => {
    await goTo('/budgets');
    await page.getByRole('button', { name: 'Set a budget…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User', { exact: true }).fill('ann');
    await dialog.getByLabel('USD a day').fill('12.5');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('of $12.50').waitFor();
    const budgets = await client.budgets({ scope: 'user', key: 'ann' });
    expect(budgets.find(({ period }) => period === 'day')).toMatchObject({ limitUsd: 12.5, isChanged: true });
    await page.getByText('Changes by operators').waitFor();
    await page.getByRole('region', { name: 'Changes of budgets' }).waitFor();
  });

  it('takes what a model wrote as text: runs nothing, fetches nothing, hides nothing', async () => {
    const run = await client.submit({ agent: 'teller', prompt: 'Say something hostile' });
    await client.wait(run.id);
    await goTo(`/runs/${run.id}`);
    await page.getByRole('region', { name: 'Result' }).waitFor();
    const text = page.locator('[data-kind=text]');
    await text.getByText('Show').first().waitFor();
    expect(await page.evaluate(() => (globalThis as { taken?: unknown }).taken)).toBeUndefined();
    expect(await text.locator('script, img').count()).toBe(0);
    const shown = await text.innerText();
    expect(shown).toContain('<script>window.taken = 1</script>');
    expect(shown).toContain('⟨U+202E⟩gpj.exe ␛[31mred');
    expect(await text.locator('a[href^="javascript:"]').count()).toBe(0);
  });

  it('shows a key of a team that team alone, and only what it may do', async () => {
    const mine = await client.submit({ agent: 'teller', prompt: 'of the south', team: 'south' });
    await client.wait(mine.id);
    const [others] = (await client.runs({ team: 'north' })).data;
    const { key } = await client.createKey({ name: 'south', team: 'south', scopes: ['runs:read'] });
    const [bound, tab] = await open();
    await signIn(tab, key);
    const links = await tab.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts();
    expect(links).toEqual(['Overview', 'Runs', 'Sessions', 'Schedules', 'Health', 'Costs', 'Budgets', 'Webhooks']);
    await goTo('/runs', tab);
    await tab.getByText('of the south').waitFor();
    expect(await tab.getByRole('row').count()).toBe(2);
    expect(await tab.getByRole('button', { name: 'New run' }).count()).toBe(0);
    await goTo(`/runs/${others!.id}`, tab);
    await tab.getByText('There is no such run').waitFor();
    await goTo(`/runs/${mine.id}`, tab);
    await tab.getByRole('region', { name: 'Result' }).waitFor();
    expect(await tab.getByRole('button', { name: /^(Retry|Cancel|Send)$/ }).count()).toBe(0);
    for (const place of ['/keys', '/audit', '/alerts']) {
      await goTo(place, tab);
      await tab.getByText('Your key may not see this').waitFor();
    }
    await goTo('/costs', tab);
    await tab.getByText('Cost per success').waitFor();
    // Ended with its key.
    const { data } = await client.keys();
    await client.revokeKey(data.find(({ name }) => name === 'south')!.id);
    await tab.reload();
    await tab.getByRole('heading', { name: 'Sign in' }).waitFor();
    await bound.close();
  });

  it('has no serious finding of axe on any page, in light or dark, and fits a phone', async () => {
    const [own, tab] = await open();
    await own.addCookies(await context.cookies());
    const [run] = (await client.runs({ agent: 'publisher' })).data;
    const ofRun = ['', '?tab=timeline', '?tab=events'].map((tail) => `/runs/${run!.id}${tail}`);
    const found: string[] = [];
    for (const place of [...PAGES, ...ofRun, `/sessions/${run!.sessionId}`]) {
      await tab.setViewportSize({ width: 1_280, height: 800 });
      await goTo(place, tab);
      await tab.locator('main h1').waitFor();
      await expect.poll(() => tab.locator('main [role=status][aria-label=Loading]').count(), POLL).toBe(0);
      for (const colorScheme of ['light', 'dark'] as const) {
        await tab.emulateMedia({ colorScheme });
        await expect.poll(() => tab.evaluate(COLOR_SCHEME), POLL).toBe(colorScheme);
        found.push(...(await runAxe(tab)).map((finding) => `${place}, ${colorScheme}: ${finding}`));
      }
      await tab.setViewportSize({ width: 390, height: 844 });
      const excess = await tab.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      if (excess > 0) found.push(`${place}: ${excess} px too wide for a phone`);
    }
    expect(found).toEqual([]);
    await own.close();
    // Twenty pages, twice each.
  }, 240_000);

  it('opens the palette and the shortcuts by keys, and keeps the choice of colors', async () => {
    await goTo('/');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('q');
    await page.getByRole('heading', { name: 'Queues and workers' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    // At once, as a quick typist does: the palette may not be loaded yet.
    await page.keyboard.type('dark');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(COLOR_SCHEME), POLL).toBe('dark');
    await page.reload();
    expect(await page.evaluate(COLOR_SCHEME)).toBe('dark');
  });

  it('asked no other server for anything, and broke no rule of its policy', () => {
    expect([...requested]).toEqual([new URL(home).origin]);
    expect(faults).toEqual([]);
  });
});

/** Returns the findings that axe calls serious or critical. */
async function runAxe(tab: Page): Promise<string[]> {
  // The policy lets no script in but the dashboard's own; the debugger's connection is not bound by it.
  await tab.evaluate(axe.source);
  const { violations } = await tab.evaluate<AxeResults>(
    `axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} (${nodes.length})`);
}
