import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiDocument } from '../scripts/api-document.ts';
import { startApi, type TestApi } from '../src/api/api.fixture.ts';
import { listen, type Listening } from '../src/api/listen.ts';
import { toCurl } from '../src/api/docs-page/to-curl.ts';
import { findOperations, type FoundOperation } from '../src/api/openapi/document.ts';
import { createId } from '../src/core/ids.ts';
import { findChromium, startChromium } from './support/chromium.ts';

const CHROMIUM = findChromium();
const FORMS = [
  'GET /v1/runs',
  'GET /v1/runs/{id}',
  'GET /v1/runs/{id}/events',
  'GET /v1/stream',
  'GET /livez',
  'POST /v1/webhooks/secret/rotate',
  'POST /v1/webhooks/deliveries/{id}/redeliver',
  'POST /v1/queues/{name}/pause',
  'DELETE /v1/schedules/{id}',
];
const document = createApiDocument();

interface Look {
  readonly colorScheme?: 'light' | 'dark';
  readonly width?: number;
}

describe('the page at /docs', () => {
  let service: TestApi;
  let server: Listening;

  beforeAll(async () => {
    service = await startApi('embedded');
    server = await listen({ fetch: service.api.fetch, host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server.close();
    await service.close();
  });

  describe.skipIf(CHROMIUM === null)('in Chromium', () => {
    let browser: Browser;
    let faults: string[] = [];

    let page: Page;

    beforeAll(async () => {
      browser = await startChromium(CHROMIUM!);
      page = await browser.newPage();
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('request', (request) => request.url().startsWith(server.url) || faults.push(request.url()));
    });
    afterAll(() => browser.close());

    async function open({ colorScheme = 'light', width = 1_280 }: Look = {}): Promise<void> {
      faults = [];
      await page.emulateMedia({ colorScheme, media: 'screen' });
      await page.setViewportSize({ width, height: 800 });
      // Otherwise the browser would only move to another place on the page.
      await page.goto('about:blank');
      const response = await page.goto(`${server.url}/docs`);
      expect(response?.status()).toBe(200);
    }

    it('has every operation, webhook and schema of the document, and requests nothing else', async () => {
      await open();
      const shown = (await page.locator('main h3').allTextContents()).map((title) => title.replace(/ #$/, ''));
      for (const { operation } of findOperations(document)) expect(shown).toContain(operation.summary);
      expect(shown).toEqual(expect.arrayContaining(Object.keys(document.components?.schemas ?? {})));
      const routes = await page.locator('.route').allTextContents();
      for (const { method, path } of findOperations(document)) expect(routes).toContain(`${method} ${path}`);
      expect(routes).toEqual(
        expect.arrayContaining(Object.keys(document.webhooks ?? {}).map((name) => `POST ${name}`)),
      );
      expect(faults).toEqual([]);
    });

    it('has only links that lead somewhere, and no id twice', async () => {
      await open();
      const { ids, targets } = await page.evaluate<{ ids: string[]; targets: string[] }>(`({
      ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
      targets: [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href').slice(1)),
    })`);
      expect(ids).toHaveLength(new Set(ids).size);
      expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
    });

    it('can be used with the keyboard', async () => {
      await open();
      await page.keyboard.press('Tab');
      expect(await page.evaluate(`document.activeElement.textContent`)).toBe('Skip to the content');
      await page.keyboard.press('Enter');
      expect(await page.evaluate(`document.activeElement.id`)).toBe('content');
      await page.locator('.named summary').first().focus();
      const isOpen = () => page.evaluate<boolean>(`document.querySelector('.named').open`);
      expect(await isOpen()).toBe(false);
      await page.keyboard.press('Enter');
      expect(await isOpen()).toBe(true);
    });

    it('opens the target of a link, and shows it below the fixed bar', async () => {
      await open();
      await page.locator('#submitrun').locator('..').getByRole('link', { name: 'AcceptedRun', exact: true }).click();
      const schema = page.locator('.named:has(#schema-acceptedrun)');
      expect(await schema.getAttribute('open')).toBe('');
      expect((await schema.locator('h3').boundingBox())?.y).toBeGreaterThan(52);
      expect((await page.locator('.top').boundingBox())?.y).toBe(0);
      expect(await page.locator('nav').getByRole('link', { name: 'Submit a run' }).first().isVisible()).toBe(true);
    });

    it('has folded contents on a phone, a tap away from anywhere', async () => {
      await open({ width: 360 });
      const entry = page.locator('nav').getByRole('link', { name: 'Revoke' }).first();
      expect(await entry.isVisible()).toBe(false);
      await page.evaluate(`location.hash = 'schemas'`);
      await page.locator('.to-contents').click();
      expect(await entry.isVisible()).toBe(true);
    });

    it.each([
      ['light', 1_280],
      ['dark', 1_280],
      ['light', 360],
      ['dark', 360],
    ] as const)('is read in %s colours at %i pixels, with nothing beside the screen', async (colorScheme, width) => {
      await open({ colorScheme, width });
      const measured = await page.evaluate<{ overflow: number; contrasts: number[] }>(MEASURE);
      expect(measured.overflow).toBeLessThanOrEqual(0);
      // WCAG 2, 1.4.3, level AA.
      expect(Math.min(...measured.contrasts)).toBeGreaterThanOrEqual(4.5);
      expect(faults).toEqual([]);
      if (process.env['LONGHAUL_SCREENSHOTS'] !== undefined) {
        await page.screenshot({ path: `${process.env['LONGHAUL_SCREENSHOTS']}/docs-${colorScheme}-${width}.png` });
      }
    });

    it('prints its folded parts', async () => {
      await open();
      await page.emulateMedia({ media: 'print' });
      const closed = page.locator('.named:not([open]) .fields').first();
      expect((await closed.boundingBox())?.height).toBeGreaterThan(10);
      expect(await page.locator('nav').isVisible()).toBe(false);
    });
  });

  it('may load and run only its own style', async () => {
    const response = await fetch(`${server.url}/docs`);
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri/,
    );
    const text = await response.text();
    expect(text).not.toContain('<script');
    expect(text.length).toBeLessThan(650_000);
  });

  it('has commands that work when pasted into a shell', async () => {
    const run = await service.submit();
    await service.request(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
    const make = async (path: string, body: object) =>
      ((await (await service.post(path, body)).json()) as { id: string }).id;
    const variables = {
      LONGHAUL_URL: server.url,
      LONGHAUL_API_KEY: await service.makeKey({ scopes: ['admin'] }),
      RUN_ID: run.id,
      SESSION_ID: run.sessionId,
      QUEUE_NAME: 'reader',
      KEY_ID: await make('/v1/keys', { name: 'x', scopes: ['runs:read'] }),
      SCHEDULE_ID: await make('/v1/schedules', { name: 'x', agent: 'reader', prompt: 'x', cron: '0 8 * * *' }),
      WEBHOOK_ID: await make('/v1/webhooks', { url: 'https://shop.example.com/x', events: ['run.failed'] }),
    };
    // These do not exist here: a 404 shows that the command reached the route.
    const absent = { APPROVAL_ID: createId(), DELIVERY_ID: createId(), ALERT_ID: createId(), WORKER_ID: createId() };
    const env = { PATH: process.env['PATH'], ...variables, ...absent };

    async function paste(found: FoundOperation): Promise<string[]> {
      const command = toCurl(document, found);
      // Only the status, and the first output of a stream.
      const asked = `${command} -s -o /dev/null -m ${command.includes('/v1/stream') ? 1 : 30} -w '%{http_code}' || true`;
      const { stdout } = await promisify(execFile)('bash', ['-c', asked], { env });
      const isAbsent = Object.keys(absent).some((name) => command.includes(`$${name}`));
      // The key in the body of the example is a placeholder.
      const isPlaceholder = found.path === '/v1/sign-in';
      return (isAbsent ? /^404$/ : isPlaceholder ? /^401$/ : /^20[012]$/).test(stdout) ? [] : [`${stdout}: ${command}`];
    }
    // Every command with a body, and a command of every other form.
    const all = findOperations(document).filter(
      ({ method, path, operation }) => operation.requestBody !== undefined || FORMS.includes(`${method} ${path}`),
    );
    // Commands that leave nothing for others, and the endless stream, run separately.
    const isLast = ({ method, path }: FoundOperation) => method === 'DELETE' || path === '/v1/stream';
    const wrong = await Promise.all(all.filter((found) => !isLast(found)).map(paste));
    for (const found of all.filter(isLast)) wrong.push(await paste(found));
    expect(wrong.flat()).toEqual([]);
  });
});

/** Measures how far the page is wider than its window, and the contrast of every kind of text with its background. */
const MEASURE = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const toRgb = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const toLight = (color) => {
    const [r, g, b] = toRgb(color).map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (toRgb(color)[3] === 255) return color;
    }
    return 'white';
  };
  const kinds = ['p', 'a', 'code', 'pre', 'pre b', 'figcaption', 'var', '.quiet', '.type', '.note', '.who', '.required', '.method.get',
    '.method.post', '.method.put', '.method.delete', '.status', '.refusals .status', 'dt', 'summary', 'h2', 'h4'];
  const contrasts = kinds.map((kind) => document.querySelector('main ' + kind)).filter(Boolean).map((element) => {
    const [a, b] = [toLight(getComputedStyle(element).color), toLight(behind(element))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
  return { overflow: document.documentElement.scrollWidth - innerWidth, contrasts };
})()`;
