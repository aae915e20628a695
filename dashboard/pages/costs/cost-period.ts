/** Ranges of time for costs: whole days in the server's time zone. */
export const PERIODS = {
  month: 'This month',
  last: 'Last month',
  '30d': 'Last 30 days',
  '90d': 'Last 90 days',
  year: 'This year',
} as const;

export type PeriodName = keyof typeof PERIODS;

export function toPeriodName(text: string | undefined): PeriodName {
  return text !== undefined && Object.hasOwn(PERIODS, text) ? (text as PeriodName) : 'month';
}

const DAY_MS = 86_400_000;

/** The first day of a range and the day after its last, such as `2026-03-01`; without the latter the range is open. */
export function toRange(period: PeriodName, now: number, timeZone: string): { from: string; to?: string } {
  const today = toDay(now, timeZone);
  const month = today.slice(0, 7);
  switch (period) {
    case 'month':
      return { from: `${month}-01` };
    case 'last': {
      const before = toDay(Date.parse(`${month}-01T00:00:00Z`) - DAY_MS, 'UTC').slice(0, 7);
      return { from: `${before}-01`, to: `${month}-01` };
    }
    case 'year':
      return { from: `${today.slice(0, 4)}-01-01` };
    default: {
      const days = period === '30d' ? 29 : 89;
      return { from: toDay(Date.parse(`${today}T00:00:00Z`) - days * DAY_MS, 'UTC') };
    }
  }
}

/** Returns the day in a time zone, such as `2026-03-10`. */
function toDay(ms: number, timeZone: string): string {
  return new Date(ms).toLocaleDateString('sv-SE', { timeZone });
}
