import type { CostRowResource, CostsResource, CostSumsResource } from '../client/client.ts';
import { formatUsd, toMicros } from '../core/money.ts';
import { formatTable } from './table.ts';

/** Formats costs for a person: a table, and a summary in words below it. `title` is the title of the first column. */
export function formatCosts(costs: CostsResource, { title, width }: { title: string; width: number }): string[] {
  const { data, totals, forecast } = costs;
  const expected = `Forecast: ${describeForecast(forecast)}.`;
  if (data.length === 0) return [`No costs from ${describeSpan(costs)}.`, expected];
  return [
    ...toTable([...data, { key: 'TOTAL', ...totals }], { title, width }),
    '',
    `Counted: attempts that ended from ${describeSpan(costs)}.`,
    `A successful run: ${describeSuccess(totals)}.`,
    `Retries: ${formatMoney(totals.retriedCostUsd)}${toShare(totals)} went into failed attempts that were retried.`,
    expected,
    `Drift: ${describeDrift(totals)}.`,
    ...describeUnpriced(totals),
  ];
}

function toTable(rows: readonly CostRowResource[], { title, width }: { title: string; width: number }): string[] {
  return formatTable<CostRowResource>({
    columns: [
      { title: title.toUpperCase(), value: ({ key }) => key ?? '(none)' },
      { title: 'COST', align: 'right', value: ({ costUsd }) => formatMoney(costUsd) },
      { title: 'OWN COST', align: 'right', value: toOwnCost },
      { title: 'RUNS', align: 'right', value: ({ runs }) => String(runs) },
      { title: 'SUCCEEDED', align: 'right', value: ({ succeededRuns }) => String(succeededRuns) },
      {
        title: 'EACH',
        align: 'right',
        value: ({ costPerSucceededRunUsd: each }) => (each === null ? '-' : formatMoney(each)),
      },
      { title: 'ATTEMPTS', align: 'right', value: ({ attempts }) => String(attempts) },
      { title: 'INPUT', align: 'right', value: ({ inputTokens }) => formatCount(inputTokens) },
      { title: 'OUTPUT', align: 'right', value: ({ outputTokens }) => formatCount(outputTokens) },
      { title: 'CACHE READ', align: 'right', value: ({ cacheReadTokens }) => formatCount(cacheReadTokens) },
      { title: 'CACHE WRITE', align: 'right', value: ({ cacheCreationTokens }) => formatCount(cacheCreationTokens) },
    ],
    rows,
    width,
  });
}

function toOwnCost({ ownCostUsd, isOwnCostWhole }: CostSumsResource): string {
  if (ownCostUsd === null) return 'unknown';
  return `${isOwnCostWhole ? '' : '>'}${formatMoney(ownCostUsd)}`;
}

function describeSpan({ from, to, timeZone }: CostsResource): string {
  // Swedish times have the form of ISO 8601.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  const [start, end] = [from, to].map((at) => format.format(new Date(at)).replace(/:00$/, ''));
  return `${start} up to ${end}, ${timeZone}`;
}

function describeSuccess({ costPerSucceededRunUsd, runs }: CostSumsResource): string {
  if (costPerSucceededRunUsd === null) return `none of ${runs}`;
  return `${formatMoney(costPerSucceededRunUsd)}, including runs that failed or were cancelled`;
}

function toShare({ retriedCostUsd, costUsd }: CostSumsResource): string {
  return retriedCostUsd === 0 ? '' : `, ${((100 * retriedCostUsd) / costUsd).toFixed(1)} % of the cost,`;
}

function describeForecast({ dayUsd, monthUsd }: CostsResource['forecast']): string {
  if (dayUsd === null || monthUsd === null) return 'not enough data yet';
  return `${toCents(dayUsd)} today, ${toCents(monthUsd)} this month`;
}

function describeDrift({ driftUsd }: CostSumsResource): string {
  if (driftUsd === null) return 'no attempt was counted by both the Agent SDK and our list of prices';
  if (driftUsd === 0) return "none between the Agent SDK's count and our list of prices";
  const amount = formatMoney(Math.abs(driftUsd));
  return `the Agent SDK counted ${amount} ${driftUsd > 0 ? 'more' : 'less'} than our list of prices`;
}

function describeUnpriced({ isOwnCostWhole, unpricedUsd }: CostSumsResource): string[] {
  if (isOwnCostWhole) return [];
  return [`Unpriced: own cost excludes models without a price in our list, charged at ${formatMoney(unpricedUsd)}.`];
}

function formatMoney(usd: number): string {
  return formatUsd(toMicros(usd));
}

/** Formats an amount in cents: a forecast is not exact to the micro-dollar. */
function toCents(usd: number): string {
  return usd > 0 && usd < 0.005 ? 'less than $0.01' : `$${usd.toFixed(2)}`;
}

function formatCount(count: number): string {
  return count.toLocaleString('en');
}
