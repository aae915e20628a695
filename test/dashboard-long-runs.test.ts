import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, type Listening } from '../src/api/listen.ts';
import { createClient, type LonghaulClient, type RunResource } from '../src/client/client.ts';
import { say, startTestLonghaul, turn, type TestLonghaul } from '../src/testing/index.ts';
import { findChromium, startChromium } from './support/chromium.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { writeEvents, writeLongRun } from './support/long-run.ts';

// Runs whose log is too long, or too hostile, to come from the executable in a test: written into the database.

const CHROMIUM = findChromium();
const EVENTS = 10_000;
/** A line of 5 MB that also hides and turns text, and colors it in a terminal. */
const LINE = `\u202Egpj.exe\u202C \u2066turned\u2069 \u001B[31mred\u001B[0m \u200Bhidden <img src=x> ${'x'.repeat(5_000_000)}`;
const SHOWN = '⟨U+202E⟩gpj.exe⟨U+202C⟩ ⟨U+2066⟩turned⟨U+2069⟩ ␛[31mred␛[0m ⟨U+200B⟩hidden <img src=x> xxx';

describe.skipIf(CHROMIUM === null)('long runs in the dashboard', () => {
  let directory: string;
  let postgres: { url: string; drop: () => Promise<void> };
  let database: pg.Client;
  let kit: TestLonghaul;
  let server: Listening;
  let client: LonghaulClient;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-long-runs-'));
    postgres = await createPostgresDatabase();
    database = new pg.Client({ connectionString: postgres.url });
    await database.connect();
    kit = await startTestLonghaul({
      config: { agents: { teller: { tools: [], prewarm: false } } },
      baseDir: directory,
      env: { LONGHAUL_DATABASE_URL: postgres.url },
      script: () => turn(say('Done.')),
    });
    server = await listen({ fetch: (request) => kit.longhaul.fetch(request), host: '127.0.0.1', port: 0 });
    client = createClient({ url: server.url, apiKey: kit.longhaul.newAdminKey! });
    browser = await startChromium(CHROMIUM!);
    const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, reducedMotion: 'reduce' });
    context.setDefaultTimeout(30_000);
    page = await context.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    const { code } = await client.createSignInCode();
    await page.goto(`${server.url}/#code=${code}`);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await kit?.stop();
    await database?.end();
    await postgres?.drop();
    await rm(directory, { recursive: true, force: true });
  });

  async function finish(prompt: string): Promise<RunResource> {
    const { id } = await client.submit({ agent: 'teller', prompt });
    return client.wait(id);
  }

  const drawn = () => page.locator('main [data-index]').count();

  it('open with 10,000 events, draw only what is visible, and reach their end', async () => {
    const run = await finish('Work for hours');
    await writeLongRun(database, run.id, EVENTS);
    await page.goto(`${server.url}/runs/${run.id}`);
    await page.getByText('Step 1 of the work.').waitFor();
    expect(await drawn()).toBeLessThan(80);
    const list = page.getByRole('region', { name: 'Conversation' });
    await list.focus();
    await expect
      .poll(
        async () => {
          await page.keyboard.press('End');
          return page.getByRole('region', { name: 'Result' }).isVisible();
        },
        { timeout: 30_000 },
      )
      .toBe(true);
    // Each step is a text, a tool use and its result, and a model call; the first three events and the last are the run's.
    await page.getByText(`Step ${Math.floor((EVENTS - 4) / 4)} of the work.`).waitFor();
    expect(await drawn()).toBeLessThan(80);
  }, 120_000);

  it('list all events, find one of them, and show it as the API has it', async () => {
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByText('10,000 of 10,000 events').waitFor();
    expect(await drawn()).toBeLessThan(80);
    await page.getByLabel('Find events').fill('step 2000 of');
    await page.getByText('1 of 10,000 events').waitFor();
    await page.getByRole('button', { name: /agent\.text/ }).click();
    await page.getByText('"text": "Step 2000 of the work."').waitFor();
    await page.getByRole('tab', { name: 'Timeline' }).click();
    await page.getByText('Start of Claude Code').waitFor();
    expect(await drawn()).toBeLessThan(120);
  });

  it('show the beginning of a line of 5 MB, with its hidden characters, wherever it is', async () => {
    const run = await finish('Write a long line');
    await writeEvents(database, run.id, [
      ['run.queued', { agent: 'teller', reason: 'submitted' }],
      ['run.started', { workerId: run.id }],
      ['agent.thinking', { text: LINE }],
      ['agent.tool_use', { toolUseId: 't', name: 'Write', input: { file_path: LINE, content: LINE } }],
      ['agent.tool_result', { toolUseId: 't', isError: true, content: LINE }],
      ['agent.text', { text: LINE, blockId: 'a' }],
      ['run.failed', { error: { code: 'run_timeout', message: 'It took too long.', retryable: false } }],
    ]);
    await database.query(
      `update longhaul.runs set status = 'failed', result = null, error_code = 'run_timeout', error_detail = $2 where id = $1`,
      [run.id, LINE],
    );
    await page.goto(`${server.url}/runs/${run.id}`);
    await page.locator('[data-kind=text]').getByText('Show 50,000 more').waitFor();
    for (const kind of ['thinking', 'tool']) {
      await page.locator(`[data-kind=${kind}]`).getByRole('button').first().click();
      await page.locator(`[data-kind=${kind}]`).getByText('Show 50,000 more').first().waitFor();
    }
    for (const kind of ['thinking', 'tool', 'text']) {
      const shown = await page.locator(`[data-kind=${kind}] pre`).first().innerText();
      expect(shown, kind).toContain(SHOWN);
      expect(shown.length, kind).toBeLessThan(20_000);
    }
    expect(await page.locator('main img').count()).toBe(0);
    const excess = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    expect(excess).toBeLessThanOrEqual(0);

    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByRole('button', { name: /agent\.tool_use/ }).click();
    await page.getByText('Show 50,000 more').waitFor();
    // The page still answers.
    await page.getByRole('tab', { name: 'Timeline' }).click();
    await page.getByText('Start of Claude Code').waitFor();
    expect(faults).toEqual([]);
  }, 120_000);
});
