import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CostRowResource, CostsResource, CostSumsResource } from '../client/client.ts';
import { createTestLedger } from '../run/costs/cost.fixture.ts';
import { formatCosts } from './cost-report.ts';
import { addCostsCommand } from './costs.ts';
import { formatCsv } from './csv.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';
import { createShell } from './shell.ts';

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

describe('the costs for a person', () => {
  it('are a table with totals, and a summary below it', () => {
    expect(show()).toEqual([
      'USER             COST  OWN COST  RUNS  SUCCEEDED   EACH  ATTEMPTS      INPUT  OUTPUT  CACHE READ  CACHE WRITE',
      'ann\\x1b[2J      $1.50     $1.40     4          3  $0.50         5  1,234,567      20           3            4',
      '(none)      $0.000001   unknown     4          3      -         5  1,234,567      20           3            4',
      'TOTAL           $1.50     $1.40     4          3  $0.50         5  1,234,567      20           3            4',
      '',
      'Counted: attempts that ended from 2026-11-01 00:00 up to 2026-11-23 10:30, Europe/Berlin.',
      'A successful run: $0.50, including runs that failed or were cancelled.',
      'Retries: $0.15, 10.0 % of the cost, went into failed attempts that were retried.',
      'Forecast: $2.00 today, $61.50 this month.',
      'Drift: the Agent SDK counted $0.000001 less than our list of prices.',
    ]);
  });

  it('report unknown amounts as unknown, never as zero', () => {
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
      'Retries: $0.00 went into failed attempts that were retried.',
      'Forecast: less than $0.01 today, $0.00 this month.',
      'Drift: no attempt was counted by both the Agent SDK and our list of prices.',
      'Unpriced: own cost excludes models without a price in our list, charged at $0.25.',
    ]);
    expect(show({ data: [], forecast: { dayUsd: null, monthUsd: null } })).toEqual([
      'No costs from 2026-11-01 00:00 up to 2026-11-23 10:30, Europe/Berlin.',
      'Forecast: not enough data yet.',
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
  ])('contain %j as a text that is neither a formula nor a command', (key, cell) => {
    expect(format([{ key, costUsd: -0.5 }])).toBe(`key,costUsd,none\r\n${cell},-0.5,\r\n`);
  });

  it('have only a line of titles when there are no rows', () => {
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

describe('longhaul costs', () => {
  const USERS = 201;
  let operator: OperatorServer;

  beforeAll(async () => {
    operator = await startOperatorServer();
    const ledger = await createTestLedger(operator.service.database, 'UTC');
    for (let index = 0; index < USERS; index++)
      await ledger.post({ at: '2026-03-10T12:00:00Z', user: `u${index}`, models: [{ model: 'm', costMicros: index }] });
  });
  afterAll(() => operator.close());

  async function run(...options: string[]) {
    const printed = { stdout: '', stderr: '' };
    const shell = createShell();
    const output = (name: keyof typeof printed) => {
      const write = (text: string) => void (printed[name] += text);
      return { ...shell[name], columns: 100, write, line: (text = '') => write(`${text}\n`) };
    };
    const program = new Command('longhaul');
    const { env } = operator;
    addCostsCommand(program, { ...shell, env, stdout: output('stdout'), stderr: output('stderr') });
    const range = ['--from', '2026-03-01', '--to', '2026-04-01'];
    await program.parseAsync(['costs', '--by', 'user', ...range, ...options], { from: 'user' });
    return printed;
  }

  it('prints the requested number of rows, and the totals of all', async () => {
    const { stdout, stderr } = await run('--limit', '2');
    const lines = stdout.split('\n');
    expect(lines.slice(1, 3).map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ['u200', '$0.0002'],
      ['u199', '$0.000199'],
    ]);
    expect(lines[3]).toMatch(/^TOTAL +\$0\.0201 /);
    expect(stderr).toBe('2 rows are shown, the totals include all; show more with --limit, all with --csv.\n');
  });

  it('prints the rows of all pages as CSV', async () => {
    const { stdout, stderr } = await run('--csv', '--limit', '2');
    const lines = stdout.split('\r\n');
    expect(lines).toHaveLength(1 + USERS + 1);
    expect(lines[0]).toMatch(/^user,costUsd,ownCostUsd,/);
    expect(lines[1]).toMatch(/^u200,0\.0002,,0\.0002,false,1,1,1,/);
    expect(new Set(lines).size).toBe(lines.length);
    expect(stderr).toBe('');
  });

  it('prints the page as JSON', async () => {
    const page = JSON.parse((await run('--json', '--limit', '1')).stdout) as CostsResource;
    expect(page).toMatchObject({ data: [{ key: 'u200' }], totals: { runs: USERS }, timeZone: 'UTC' });
  });
});
