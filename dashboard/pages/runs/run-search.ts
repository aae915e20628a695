import type { RunChoice } from 'longhaul/client';
import type { Search } from '../../app/search.ts';
import { RUN_STATUSES } from '../../ui/status/run-status.tsx';

/** Query parameters of the list of runs, as texts. Commas separate several values. */
export interface RunSearch {
  readonly q?: string;
  readonly status?: string;
  readonly agent?: string;
  readonly user?: string;
  readonly team?: string;
  readonly queue?: string;
  readonly session?: string;
  readonly schedule?: string;
  readonly error?: string;
  readonly metadata?: string;
  /** `24h`, or `FROM..TO` in ISO 8601, both ends optional. */
  readonly time?: string;
  /** USD, `MIN..MAX`. */
  readonly cost?: string;
  /** Seconds, `MIN..MAX`. */
  readonly duration?: string;
  readonly retried?: string;
}

export const RUN_SEARCH_KEYS = [
  'q',
  'status',
  'agent',
  'user',
  'team',
  'queue',
  'session',
  'schedule',
  'error',
  'metadata',
  'time',
  'cost',
  'duration',
  'retried',
] as const satisfies (keyof RunSearch)[];

/** Reads the known parameters from an address, unchanged. */
export function parseRunSearch(search: Record<string, unknown>): RunSearch {
  const given = search as Search;
  return Object.fromEntries(
    RUN_SEARCH_KEYS.flatMap((key) => {
      const value = given[key];
      return typeof value === 'string' && value !== '' ? [[key, value]] : [];
    }),
  );
}

export const TIME_SPANS: Readonly<Record<string, { readonly title: string; readonly ms: number }>> = {
  '1h': { title: 'Last hour', ms: 3_600_000 },
  '24h': { title: 'Last 24 hours', ms: 86_400_000 },
  '7d': { title: 'Last 7 days', ms: 7 * 86_400_000 },
  '30d': { title: 'Last 30 days', ms: 30 * 86_400_000 },
};

/** Parses `MIN..MAX`; null for a missing end. */
export function splitRange(text: string | undefined): readonly [string | null, string | null] {
  const [from = '', to = ''] = (text ?? '').split('..');
  return [from.trim() || null, to.trim() || null];
}

/** Parses entries of metadata, separated by commas outside of quotes. */
export function splitLabels(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((label) => label.trim())
    .filter((label) => /^[^=]+=/.test(label));
}

/** Converts an address to the filter of the API. Invalid parameters are skipped. */
export function toRunChoice(search: RunSearch, now: number): RunChoice {
  const statuses = (search.status ?? '').split(',').filter(isStatus);
  const span = TIME_SPANS[search.time ?? ''];
  const [from, to] = span === undefined ? splitRange(search.time) : [new Date(now - span.ms).toISOString(), null];
  const [minCostUsd, maxCostUsd] = toNumbers(search.cost);
  const [minDurationSeconds, maxDurationSeconds] = toNumbers(search.duration);
  const labels = splitLabels(search.metadata);
  return {
    q: search.q,
    anyStatus: statuses.length === 0 ? undefined : statuses,
    agent: search.agent,
    user: search.user,
    team: search.team,
    queue: search.queue,
    sessionId: toUuid(search.session),
    scheduleId: toUuid(search.schedule),
    errorCode: search.error,
    metadata: labels.length === 0 ? undefined : labels,
    from: toInstant(from),
    to: toInstant(to),
    minCostUsd,
    maxCostUsd,
    minDurationSeconds,
    maxDurationSeconds,
    retried: search.retried === 'true' ? true : search.retried === 'false' ? false : undefined,
  };
}

function isStatus(value: string): value is (typeof RUN_STATUSES)[number] {
  return (RUN_STATUSES as readonly string[]).includes(value);
}

function toUuid(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
    ? text.toLowerCase()
    : undefined;
}

function toInstant(text: string | null): string | undefined {
  const ms = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

function toNumbers(text: string | undefined): (number | undefined)[] {
  return splitRange(text).map((end) => {
    const number = end === null ? Number.NaN : Number(end);
    return Number.isFinite(number) && number >= 0 ? number : undefined;
  });
}
