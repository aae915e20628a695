import { Tooltip } from '@mantine/core';
import { formatDuration, formatInstant, formatRelative } from '../format/format.ts';
import { useFromNow } from './use-now.ts';

interface TimeProps {
  /** ISO 8601. */
  readonly at: string;
}

/** How long ago something was, with the instant itself when it is pointed at. */
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
  /** Null: it goes on. */
  readonly to: string | null;
}

/** How long something took, or takes by now. */
export function Duration({ from, to }: DurationProps) {
  const start = Date.parse(from);
  const text = useFromNow((now) => formatDuration((to === null ? now : Date.parse(to)) - start));
  return <span className="numeric">{text}</span>;
}
