/** Formats an amount of money with up to six decimals, without rounding. */
export function formatUsd(usd: number): string {
  const sign = usd < 0 ? '-' : '';
  const text = Math.abs(usd).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 6 });
  return `${sign}$${text}`;
}

/** Formats a duration in its two largest units. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return joinUnits(Math.floor(seconds / 60), 'm', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return joinUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
  const hours = Math.round(minutes / 60);
  return joinUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** Formats a time as relative to now, in the largest unit. */
export function formatRelative(at: number, now: number): string {
  const seconds = Math.round(Math.abs(now - at) / 1_000);
  // The clocks of browser and server differ a little.
  if (seconds < 1 || (at > now && seconds < 3)) return 'now';
  const text = toLargestUnit(seconds);
  return at <= now ? `${text} ago` : `in ${text}`;
}

function toLargestUnit(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const INSTANT = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  timeZoneName: 'short',
});

/** Formats an instant to the millisecond, in the reader's time zone. */
export function formatInstant(at: number): string {
  return INSTANT.format(at);
}

/** Formats a whole number with separators of thousands. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** Shortens a large number, such as 12.3K. Show the full number beside it. */
export function formatCompact(count: number): string {
  return COMPACT.format(count);
}

/** Formats a share as a percentage, such as 12.5 %. A small share is not shown as zero. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  if (percent < 100 && percent > 99.9) return '> 99.9 %';
  return `${percent.toLocaleString('en-US', { maximumFractionDigits: 1 })} %`;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${value.toLocaleString('en-US', { maximumFractionDigits: value < 10 && power > 0 ? 1 : 0 })} ${BYTE_UNITS[power]}`;
}

/** Returns the first line of a text that is not empty. */
export function firstLine(text: string, maxLength = 300): string {
  return (/[^\n\r]*\S[^\n\r]*/.exec(text.slice(0, 4 * maxLength))?.[0] ?? '').trim().slice(0, maxLength);
}

/** Shortens an id to its last part, because the first part is the same for runs of the same time. */
export function shortId(id: string): string {
  return id.slice(-8);
}
