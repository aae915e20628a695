import type { ReactNode } from 'react';
import classes from './meter.module.css';

interface MeterProps {
  readonly label: ReactNode;
  readonly used: number;
  /** Null without a limit. */
  readonly limit: number | null;
  /** Amount reserved in addition to the used amount. */
  readonly reserved?: number;
  readonly show: (amount: number) => ReactNode;
}

/** Shows the used part of a limit as a bar that turns amber at 80 % and red at 100 %. */
export function Meter({ label, used, limit, reserved = 0, show }: MeterProps) {
  const share = limit === null ? 0 : limit <= 0 ? 1 : (used + reserved) / limit;
  const tone = share >= 1 ? 'red' : share >= 0.8 ? 'amber' : undefined;
  const percent = (amount: number) => (limit === null || limit <= 0 ? 0 : Math.min(100, (100 * amount) / limit));
  return (
    <div className={classes['meter']} data-tone={tone}>
      <div className={classes['line']}>
        <span>{label}</span>
        <span className="numeric">
          {show(used)} {limit === null ? 'without a limit' : <>of {show(limit)}</>}
        </span>
      </div>
      {limit !== null && (
        <div className={classes['track']} aria-hidden>
          <span className={classes['used']} style={{ width: `${percent(used)}%` }} />
          <span
            className={classes['reserved']}
            style={{ width: `${Math.min(100 - percent(used), percent(reserved))}%` }}
          />
        </div>
      )}
    </div>
  );
}
