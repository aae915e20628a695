import type { ReactNode } from 'react';
import classes from './share-bars.module.css';

interface ShareBarsProps {
  readonly rows: readonly {
    readonly key: string;
    readonly label: ReactNode;
    readonly amount: number;
    readonly shown: ReactNode;
  }[];
  readonly tone?: 'accent' | 'red';
}

/** Compares amounts as bars; the largest has the full width. */
export function ShareBars({ rows, tone = 'accent' }: ShareBarsProps) {
  const most = rows.reduce((sum, { amount }) => Math.max(sum, amount), 0);
  return (
    <ul className={classes['list']}>
      {rows.map(({ key, label, amount, shown }) => (
        <li key={key}>
          <span className={classes['label']}>{label}</span>
          <span className={`${classes['shown']} numeric`}>{shown}</span>
          <span className={classes['track']} aria-hidden>
            <span
              className={classes['bar']}
              data-tone={tone}
              style={{ width: most === 0 ? 0 : `${(100 * amount) / most}%` }}
            />
          </span>
        </li>
      ))}
    </ul>
  );
}
