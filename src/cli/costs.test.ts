import { describe, expect, it } from 'vitest';
import type { CostRowResource, CostsResource, CostSumsResource } from '../client/client.ts';
import { formatCosts } from './cost-report.ts';
import { formatCsv } from './csv.ts';

const sums: CostSumsResource = {
  costUsd: 1.5,
  ownCostUsd: 1.4,
  unpricedUsd: 0,
  isOwnCostWhole: true,
  runs: 4,
  succeededRuns: 3,
  attempts: 5,
  inputTokens: 1_234_567,
  outputTokens: 20,
  cacheReadTokens: 3,
  cacheCreationTokens: 4,
  cacheCreation1hTokens: 0,
  thinkingTokens: 0,
  costPerSucceededRunUsd: 0.5,
  retriedCostUsd: 0.15,
  driftUsd: -0.000001,
};
const costs: CostsResource = {
  data: [
    { key: 'ann\u001b[2J', ...sums },
    { key: null, ...sums, costUsd: 0.000001, ownCostUsd: null, isOwnCostWhole: false, costPerSucceededRunUsd: null },
  ],
  nextCursor: null,
  totals: sums,
  forecast: { dayUsd: 2.004, monthUsd: 61.5 },
  from: '2026-10-31T23:00:00.000Z',
  to: '2026-11-23T09:30:00.000Z',
  timeZone: 'Europe/Berlin',
};
const show = (changes: Partial<CostsResource> = {}) =>
  formatCosts({ ...costs, ...changes }, { title: 'user', width: 200 });

describe('the costs as a person reads them', () => {
  it('are a table with totals, and below it what they come to', () => {
    expect(show()).toEqual([
      'USER             COST  OWN COST  RUNS  SUCCEEDED   EACH  ATTEMPTS      INPUT  OUTPUT  CACHE READ  CACHE WRITE',
      'ann\\x1b[2J      $1.50     $1.40     4          3  $0.50         5  1,234,567      20           3            4',
      '(none)      $0.000001   unknown     4          3      -         5  1,234,567      20           3            4',
      'TOTAL           $1.50     $1.40     4          3  $0.50         5  1,234,567      20           3            4',
      '',
      'Counted: attempts that ended from 2026-11-01 00:00 up to 2026-11-23 10:30, Europe/Berlin.',
      'A successful run: $0.50, what failed or was cancelled included.',
      'Retries: $0.15, 10.0 % of the cost, went into failed attempts that another one followed.',
      'Forecast: $2.00 today, $61.50 this month.',
      'Drift: the Agent SDK counted $0.000001 less than our list of prices.',
    ]);
  });

  it('say what is not known, and never that it is nothing', () => {
    const totals = {
      ...sums,
      ownCostUsd: 1,
      unpricedUsd: 0.25,
      isOwnCostWhole: false,
      driftUsd: null,
      retriedCostUsd: 0,
    };
    const lines = show({ totals, forecast: { dayUsd: 0.001, monthUsd: 0 } });
    expect(lines[3]).toContain('>$1.00');
    expect(lines.slice(-4)).toEqual([
      'Retries: $0.00 went into failed attempts that another one followed.',
      'Forecast: less than $0.01 today, $0.00 this month.',
      'Drift: nothing was counted by both the Agent SDK and our list of prices.',
      'Unpriced: own cost leaves out models that our list has no price for, charged at $0.25.',
    ]);
    expect(show({ data: [], forecast: { dayUsd: null, monthUsd: null } })).toEqual([
      'Nothing was spent from 2026-11-01 00:00 up to 2026-11-23 10:30, Europe/Berlin.',
      'Forecast: there is nothing to go by yet.',
    ]);
  });
});

describe('the costs as CSV', () => {
  it.each([
    ['plain', 'plain'],
    ['with, comma', '"with, comma"'],
    ['say "so"', '"say ""so"""'],
    ['two\nlines', '"two\nlines"'],
    ['=HYPERLINK("x")', `"'=HYPERLINK(""x"")"`],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['＝1', "'＝1"],
    ['\u001b[2J', '\\x1b[2J'],
  ])('hold %j as a text that is no formula and no command', (key, cell) => {
    expect(format([{ key, costUsd: -0.5 }])).toBe(`key,costUsd,none\r\n${cell},-0.5,\r\n`);
  });

  it('have a line of titles alone when there are no rows', () => {
    expect(format([])).toBe('key,costUsd,none\r\n');
  });

  const format = (rows: readonly Pick<CostRowResource, 'key' | 'costUsd'>[]) =>
    formatCsv({
      columns: [
        { title: 'key', value: ({ key }) => key },
        { title: 'costUsd', value: ({ costUsd }) => costUsd },
        { title: 'none', value: () => null },
      ],
      rows,
    });
});
