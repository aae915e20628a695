import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiDocument } from '../scripts/api-document.ts';
import { startApi, type TestApi } from '../src/api/api.fixture.ts';
import { listen, type Listening } from '../src/api/listen.ts';
import { findOperations } from '../src/api/openapi/document.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

describe.skipIf(CHROMIUM === undefined)('the page at /docs, in Chromium', () => {
  let service: TestApi;
  let server: Listening;
  let browser: Browser;
  let faults: string[] = [];

  beforeAll(async () => {
    service = await startApi('embedded');
    server = await listen({ fetch: service.api.fetch, host: '127.0.0.1', port: 0 });
    const args = [...FLAGS, '--disable-component-update', '--disable-sync'];
    browser = await chromium.launch({ executablePath: CHROMIUM!, args });
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    await service.close();
  });

  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    faults = [];
    const page = await (await browser.newContext(options)).newPage();
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => request.url().startsWith(server.url) || faults.push(request.url()));
    const response = await page.goto(`${server.url}/docs`);
    expect(response?.status()).toBe(200);
    return page;
  }

  it('has every operation, webhook and schema of the document, and asks for nothing else', async () => {
    const page = await open();
    const document = createApiDocument();
    const shown = await page.locator('main h3').allTextContents();
    for (const { operation } of findOperations(document)) expect(shown).toContain(operation.summary);
    expect(shown).toEqual(expect.arrayContaining(Object.keys(document.components?.schemas ?? {})));
    const routes = await page.locator('.route').allTextContents();
    for (const { method, path } of findOperations(document)) expect(routes).toContain(`${method} ${path}`);
    expect(routes).toEqual(expect.arrayContaining(Object.keys(document.webhooks ?? {}).map((name) => `POST ${name}`)));
    expect(faults).toEqual([]);
  });

  it('leads wherever it points, and names no two things alike', async () => {
    const page = await open();
    const { ids, targets } = await page.evaluate<{ ids: string[]; targets: string[] }>(`({
      ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
      targets: [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href').slice(1)),
    })`);
    expect(ids).toHaveLength(new Set(ids).size);
    expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
  });

  it('is reached with the keyboard', async () => {
    const page = await open();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(`document.activeElement.textContent`)).toBe('To the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(`document.activeElement.id`)).toBe('content');
    await page.locator('.answer summary').first().focus();
    const isOpen = () => page.evaluate<boolean>(`document.querySelector('.answer').open`);
    const before = await isOpen();
    await page.keyboard.press('Enter');
    expect(await isOpen()).toBe(!before);
  });

  it.each([
    ['light', 1_280],
    ['dark', 1_280],
    ['light', 360],
    ['dark', 360],
  ] as const)('is read in %s colours at %i pixels, with nothing beside the screen', async (colorScheme, width) => {
    const page = await open({ colorScheme, viewport: { width, height: 800 } });
    const measured = await page.evaluate<{ overflow: number; contrasts: number[] }>(MEASURE);
    expect(measured.overflow).toBeLessThanOrEqual(0);
    // WCAG 2, 1.4.3, level AA.
    expect(Math.min(...measured.contrasts)).toBeGreaterThanOrEqual(4.5);
    expect(faults).toEqual([]);
    if (process.env['LONGHAUL_SCREENSHOTS'] !== undefined) {
      await page.screenshot({ path: `${process.env['LONGHAUL_SCREENSHOTS']}/docs-${colorScheme}-${width}.png` });
    }
  });

  it('prints with every answer in it', async () => {
    const page = await open();
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(`document.querySelector('.answer').open = false`);
    const closed = page.locator('.answer:not([open]) pre').first();
    expect((await closed.boundingBox())?.height).toBeGreaterThan(10);
    expect(await page.locator('nav').isVisible()).toBe(false);
  });

  it('may load and run nothing but its own style', async () => {
    const response = await fetch(`${server.url}/docs`);
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri/,
    );
    const text = await response.text();
    expect(text).not.toContain('<script');
    expect(text.length).toBeLessThan(600_000);
  });
});

/** How far the page is wider than its window, and the contrasts of text of every kind against what is behind it. */
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
  const kinds = ['p', 'a', 'code', 'pre', '.quiet', '.type', '.note', '.who', '.required', '.method', '.status', 'h2'];
  const contrasts = kinds.map((kind) => document.querySelector('main ' + kind)).filter(Boolean).map((element) => {
    const [a, b] = [toLight(getComputedStyle(element).color), toLight(behind(element))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
  return { overflow: document.documentElement.scrollWidth - innerWidth, contrasts };
})()`;
