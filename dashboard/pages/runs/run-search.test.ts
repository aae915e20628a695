import { describe, expect, it } from 'vitest';
import { parseRunSearch, splitLabels, toRunChoice } from './run-search.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');

/** Removes undefined values. */
const choose = (search: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(toRunChoice(parseRunSearch(search), NOW)).filter(([, value]) => value !== undefined),
  );

describe('the address of the list of runs', () => {
  it('asks for what stands in it', () => {
    expect(
      choose({
        q: 'late invoices',
        status: 'failed,cancelled',
        agent: 'reader',
        user: '17',
        error: 'hung',
        metadata: 'ticket=17, env=prod',
        time: '24h',
        cost: '0.5..2',
        duration: '..60',
        retried: 'false',
      }),
    ).toEqual({
      q: 'late invoices',
      anyStatus: ['failed', 'cancelled'],
      agent: 'reader',
      user: '17',
      errorCode: 'hung',
      metadata: ['ticket=17', 'env=prod'],
      from: '2026-03-09T12:00:00.000Z',
      minCostUsd: 0.5,
      maxCostUsd: 2,
      maxDurationSeconds: 60,
      retried: false,
    });
  });

  it('takes a stretch of time by its ends, with any offset', () => {
    expect(choose({ time: '2026-03-01T00:00:00+01:00..2026-03-02T00:00:00Z' })).toEqual({
      from: '2026-02-28T23:00:00.000Z',
      to: '2026-03-02T00:00:00.000Z',
    });
  });

  it('leaves out what it cannot read, and what it does not know', () => {
    expect(
      choose({
        status: 'sleeping',
        session: 'x',
        time: 'whenever',
        cost: 'a..b',
        duration: '-1..',
        metadata: 'nothing',
        retried: 'maybe',
        other: 'thing',
        q: '',
        user: 7,
      }),
    ).toEqual({});
  });

  it('parts entries of the metadata by commas', () => {
    expect(splitLabels('a=b,c=d=e, ,f')).toEqual(['a=b', 'c=d=e']);
  });
});
