import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { LonghaulClient } from '../../src/client/client.ts';
import { findChromium, startChromium } from '../../test/support/chromium.ts';
import { fillSampleFleet, startSampleFleet } from './sample-fleet.ts';

// Takes the pictures in docs/dashboard/ from a sample fleet: node scripts/dashboard/screenshots.ts

const OUT = path.resolve(import.meta.dirname, '../../docs/dashboard');

interface Shown {
  readonly url: string;
  readonly client: LonghaulClient;
}

/** Takes each picture in light and dark. */
async function takeScreenshots({ url, client }: Shown): Promise<void> {
  const executable = findChromium();
  if (executable === null) throw new Error('Chromium is not installed: install the package `chromium`.');
  await mkdir(OUT, { recursive: true });
  const [run] = (await client.listRuns({ agent: 'invoices', q: 'overdue', limit: 1 })).data;
  const places = {
    overview: '/',
    runs: '/runs',
    run: `/runs/${run!.id}`,
    timeline: `/runs/${run!.id}?tab=timeline`,
    approvals: '/approvals',
    costs: '/costs',
  };
  const browser = await startChromium(executable);
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({
        viewport: { width: 1_280, height: 800 },
        colorScheme,
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      const { code } = await client.createSignInCode();
      await page.goto(`${url}/#code=${code}`);
      await page.getByRole('navigation', { name: 'Pages' }).waitFor();
      for (const [name, place] of Object.entries(places)) {
        await page.goto(`${url}${place}`);
        await page.locator('main h1').waitFor();
        const loading = page.locator('main [role=status][aria-label=Loading]');
        while ((await loading.count()) > 0) await page.waitForTimeout(50);
        // Waits until charts are drawn and live data has arrived.
        await page.waitForTimeout(2_000);
        await page.screenshot({ path: path.join(OUT, `${name}-${colorScheme}.png`) });
      }
      await context.close();
    }
  } finally {
    await browser.close();
  }
}

const fleet = await startSampleFleet();
try {
  await fillSampleFleet(fleet);
  for (const { id, agent } of (await fleet.client.listRuns({ limit: 6 })).data) {
    if (agent === 'invoices') await fleet.client.wait(id);
  }
  await takeScreenshots(fleet);
} finally {
  await fleet.stop();
}
