import { expect, it } from 'vitest';
import { toPeriodName, toRange } from './cost-period.ts';

it('asks for whole days and months of the time zone of the server', () => {
  const now = Date.parse('2026-03-01T01:30:00Z');
  expect(toRange('month', now, 'UTC')).toEqual({ from: '2026-03-01' });
  expect(toRange('month', now, 'America/New_York')).toEqual({ from: '2026-02-01' });
  expect(toRange('last', now, 'UTC')).toEqual({ from: '2026-02-01', to: '2026-03-01' });
  expect(toRange('last', Date.parse('2026-01-15T00:00:00Z'), 'UTC')).toEqual({ from: '2025-12-01', to: '2026-01-01' });
  expect(toRange('30d', now, 'UTC')).toEqual({ from: '2026-01-31' });
  expect(toRange('year', now, 'UTC')).toEqual({ from: '2026-01-01' });
  expect(toPeriodName('tomorrow')).toBe('month');
});
