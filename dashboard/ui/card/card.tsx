import { useId, type ReactNode } from 'react';
import classes from './card.module.css';

interface CardProps {
  readonly title: ReactNode;
  /** A hint beside the title. */
  readonly hint?: ReactNode;
  readonly actions?: ReactNode;
  /** Set when the content has no padding. */
  readonly isFlush?: boolean;
  readonly children: ReactNode;
}

/** A section of a page, with a title. */
export function Card({ title, hint, actions, isFlush = false, children }: CardProps) {
  const id = useId();
  return (
    <section className={classes['card']} aria-labelledby={id}>
      <header className={classes['head']}>
        <h2 id={id}>{title}</h2>
        {hint !== undefined && <span className={classes['hint']}>{hint}</span>}
        {actions !== undefined && <div className={classes['actions']}>{actions}</div>}
      </header>
      <div className={classes['body']} data-flush={isFlush || undefined}>
        {children}
      </div>
    </section>
  );
}
