import { describe, expect, it } from 'vitest';
import { LonghaulError } from '../core/errors.ts';
import { resolveConfig } from './resolve.ts';

const resolve = (options: Record<string, unknown>) =>
  resolveConfig({ input: { agents: { reader: { tools: [] } }, ...options }, baseDir: '/', env: {} });

function refusal(options: Record<string, unknown>): LonghaulError {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof LonghaulError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

const NO_BUDGET = { dayMicros: null, monthMicros: null, whenReached: 'refuse' };

describe('the limits over all runs', () => {
  it('are five submissions a minute for each user, and nothing else, by default', () => {
    const defaults = {
      perUser: { ...NO_BUDGET, runsPerMinute: 5, concurrent: null },
      perTeam: NO_BUDGET,
      perKey: { runsPerMinute: null },
      maxPriority: 0,
      global: { ...NO_BUDGET, concurrent: null },
    };
    expect(resolve({}).limits).toEqual(defaults);
    expect(resolve({ limits: {} }).limits).toEqual(defaults);
    expect(resolve({ limits: { perUser: {}, perTeam: {}, perKey: {}, global: {} } }).limits).toEqual(defaults);
  });

  it('are money in micro-dollars, and unchanged numbers', () => {
    const { limits } = resolve({
      limits: {
        perUser: { runsPerMinute: false, concurrent: 2, usdPerDay: 0.1, usdPerMonth: 1.5, whenReached: 'wait' },
        perTeam: { usdPerMonth: 20 },
        perKey: { runsPerMinute: 600 },
        maxPriority: 20,
        global: { usdPerDay: 100, concurrent: 40 },
      },
    });
    expect(limits).toEqual({
      perUser: {
        dayMicros: 100_000,
        monthMicros: 1_500_000,
        whenReached: 'wait',
        runsPerMinute: null,
        concurrent: 2,
      },
      perTeam: { ...NO_BUDGET, monthMicros: 20_000_000 },
      perKey: { runsPerMinute: 600 },
      maxPriority: 20,
      global: { ...NO_BUDGET, dayMicros: 100_000_000, concurrent: 40 },
    });
  });

  it('keep zero as zero', () => {
    const { limits } = resolve({ limits: { perUser: { runsPerMinute: 0, usdPerDay: 0 } } });
    expect(limits.perUser).toMatchObject({ runsPerMinute: 0, dayMicros: 0 });
  });

  it('include the concurrency limit of an agent', () => {
    const agents = { reader: { tools: [], concurrent: 3 } };
    expect(resolve({ agents }).agents.get('reader')?.concurrent).toBe(3);
  });

  it.each([
    [{ perUser: { runsPerMinute: -1 } }, 'limits.perUser.runsPerMinute', 'must be 0 or more; received -1'],
    [
      { perUser: { runsPerMinute: 1.5 } },
      'limits.perUser.runsPerMinute',
      'must be a whole number, or false; received 1.5',
    ],
    [
      { perKey: { runsPerMinute: true } },
      'limits.perKey.runsPerMinute',
      'must be a whole number, or false; received true',
    ],
    [{ perUser: { concurrent: 0 } }, 'limits.perUser.concurrent', 'must be 1 or more; received 0'],
    [{ global: { concurrent: 'many' } }, 'limits.global.concurrent', 'must be a whole number; received "many"'],
    [{ global: { usdPerDay: -1 } }, 'limits.global.usdPerDay', 'must be 0 or more; received -1'],
    [{ global: { usdPerDay: 1e7 } }, 'limits.global.usdPerDay', 'must be at most 1000000; received 10000000'],
    [{ perTeam: { usdPerMonth: '5' } }, 'limits.perTeam.usdPerMonth', 'must be an amount in USD; received "5"'],
    [{ perUser: { whenReached: 'ask' } }, 'limits.perUser.whenReached', 'must be "refuse" or "wait"; received "ask"'],
    [{ perTeam: { concurrent: 2 } }, 'limits.perTeam.concurrent', 'is not a known field'],
    [{ perKey: { usdPerDay: 2 } }, 'limits.perKey.usdPerDay', 'is not a known field'],
    [{ maxPriority: 101 }, 'limits.maxPriority', 'must be a whole number from -100 to 100; received 101'],
    [{ perAgent: {} }, 'limits.perAgent', 'is not a known field'],
  ])('are rejected by path, value and what is allowed: %j', (limits, path, message) => {
    expect(refusal({ limits }).errors).toContainEqual({ path, message: expect.stringContaining(message) as string });
  });
});

describe('the time zone and the prices', () => {
  it('are UTC and the built-in prices by default', () => {
    expect(resolve({})).toMatchObject({ timeZone: 'UTC', prices: {} });
    const prices = { 'my-model': { inputUsdPerMTok: 1, outputUsdPerMTok: 5 } };
    expect(resolve({ timeZone: 'Europe/Berlin', prices })).toMatchObject({ timeZone: 'Europe/Berlin', prices });
  });

  it.each([
    [{ timeZone: 'Berlin' }, 'timeZone', 'must be the IANA name of a time zone, such as "Europe/Berlin"'],
    [{ timeZone: '' }, 'timeZone', 'must be the IANA name of a time zone'],
    [{ timeZone: 1 }, 'timeZone', 'must be the name of a time zone; received 1'],
    [{ prices: [] }, 'prices', 'must be an object of prices by model; received []'],
    [
      { prices: { m: { inputUsdPerMTok: 1 } } },
      'prices.m.outputUsdPerMTok',
      'is required (must be USD for a million tokens)',
    ],
    [
      { prices: { m: { inputUsdPerMTok: -1, outputUsdPerMTok: 1 } } },
      'prices.m.inputUsdPerMTok',
      'must be 0 or more; received -1',
    ],
    [{ prices: { m: { inputUsdPerMTok: 1, outputUsdPerMTok: 1, usd: 1 } } }, 'prices.m.usd', 'is not a known field'],
    [{ audit: { retentionDays: 0 } }, 'audit.retentionDays', 'received 0'],
    [{ audit: { retentionDays: true } }, 'audit.retentionDays', 'must be a whole number of days from 1 to 36500'],
  ])('are rejected by path, value and what is allowed: %j', (options, path, message) => {
    expect(refusal(options).errors).toContainEqual({ path, message: expect.stringContaining(message) as string });
  });
});
