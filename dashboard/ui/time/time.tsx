import { Tooltip } from '@mantine/core';
import { formatDuration, formatInstant, formatRelative } from '../format/format.ts';
import { useFromNow } from './use-now.ts';

interface TimeProps {
  /** ISO 8601. */
  readonly at: string;
}

/** Shows a time relative to now, with the exact instant in a tooltip. */
export function Time({ at }: TimeProps) {
  const ms = Date.parse(at);
  const text = useFromNow((now) => formatRelative(ms, now));
  return (
    <Tooltip label={<Instant ms={ms} at={at} />}>
      <time dateTime={at} className="numeric">
        {text}
      </time>
    </Tooltip>
  );
}

function Instant({ ms, at }: { ms: number; at: string }) {
  return (
    <span className="numeric">
      {formatInstant(ms)}
      <br />
      {at}
    </span>
  );
}

interface DurationProps {
  /** ISO 8601. */
  readonly from: string;
  /** Null while unfinished. */
  readonly to: string | null;
}

/** Shows a duration, up to now while unfinished. */
export function Duration({ from, to }: DurationProps) {
  const start = Date.parse(from);
  const text = useFromNow((now) => formatDuration((to === null ? now : Date.parse(to)) - start));
  return <span className="numeric">{text}</span>;
}
