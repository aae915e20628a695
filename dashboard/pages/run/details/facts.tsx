import type { ReactNode } from 'react';
import classes from './details.module.css';

/** Names with what they stand for, one below the other. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={classes['facts']}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes['fact']}>
      <dt>{name}</dt>
      <dd className="numeric">{children}</dd>
    </div>
  );
}
