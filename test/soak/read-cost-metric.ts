import { setTimeout as delay } from 'node:timers/promises';
import type { Supervisor } from '../support/supervisor.ts';

/** Time after which a scrape reads the figures of the fleet again. */
const FRESH_MS = 20_000;

/** Returns `longhaul_cost_usd_total` over all labels, in micro-dollars, as Prometheus would scrape it. */
export async function readCostMetric({ url, adminKey }: Supervisor): Promise<number> {
  await delay(FRESH_MS);
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } });
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('longhaul_cost_usd_total{'));
  return lines.reduce((sum, line) => sum + Math.round(Number(line.split(' ').at(-1)) * 1e6), 0);
}
