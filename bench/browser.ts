import type { Browser, Page } from 'playwright-core';
import { findChromium, startChromium } from '../test/support/chromium.ts';
import type { Bench } from './bench.ts';
import type { RunningLonghaul } from './start-longhaul.ts';

/** Opens the dashboard in a new Chromium, signed in as the operator. The bench closes it. */
export async function openDashboard(bench: Bench, { url, client }: RunningLonghaul): Promise<Page> {
  const executable = findChromium();
  if (executable === null) throw new Error('Chromium is not installed: install the package `chromium`.');
  const browser: Browser = await startChromium(executable);
  bench.onEnd(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
  const { code } = await client.createSignInCode();
  await page.goto(`${url}/#code=${code}`);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  return page;
}

/** Returns the bytes that the page's JavaScript uses after a garbage collection. */
export async function readHeapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  return usedSize;
}
