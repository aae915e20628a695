import type { ReactNode } from 'react';
import type { Tone } from '../status/tone.ts';
import classes from './figure.module.css';

export function Figures({ children }: { readonly children: ReactNode }) {
  return <div className={classes['figures']}>{children}</div>;
}

interface FigureProps {
  readonly label: string;
  readonly value: ReactNode;
  readonly detail?: ReactNode;
  readonly tone?: Tone | undefined;
}

/** A key figure. */
export function Figure({ label, value, detail, tone }: FigureProps) {
  return (
    <div className={classes['figure']}>
      <span className={classes['label']}>{label}</span>
      <span className={classes['value']} data-tone={tone}>
        {value}
      </span>
      {detail !== undefined && <span className={classes['detail']}>{detail}</span>}
    </div>
  );
}
