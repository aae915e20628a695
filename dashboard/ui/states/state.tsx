import type { ReactNode } from 'react';
import classes from './state.module.css';

interface StateProps {
  readonly icon: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
  /** Set inside a card; otherwise it fills the page. */
  readonly isCompact?: boolean;
  readonly role?: 'alert' | 'status';
}

/** Replaces missing content: explains why, and what to do next. */
export function State({ icon, title, children, actions, isCompact = false, role }: StateProps) {
  return (
    <div className={classes['state']} data-compact={isCompact || undefined} role={role}>
      <span className={classes['icon']} aria-hidden>
        {icon}
      </span>
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div className={classes['actions']}>{actions}</div>}
    </div>
  );
}
