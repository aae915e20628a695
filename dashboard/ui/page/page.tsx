import type { ReactNode } from 'react';
import { usePageTitle } from './page-title.ts';
import classes from './page.module.css';

interface PageProps {
  readonly title: string;
  /** What the browser's tab says; by default the title. */
  readonly tabTitle?: string;
  /** Before the title, such as the way back. */
  readonly lead?: ReactNode;
  /** Beside the title. */
  readonly beside?: ReactNode;
  readonly actions?: ReactNode;
  /** Below the title, and staying there while the page scrolls. */
  readonly toolbar?: ReactNode;
  /** Goes to the edges, and scrolls by itself: for long lists. */
  readonly isFull?: boolean;
  readonly children: ReactNode;
}

/** A page: its bar with title and actions, and what it shows. */
export function Page({ title, tabTitle = title, lead, beside, actions, toolbar, isFull = false, children }: PageProps) {
  usePageTitle(tabTitle);
  return (
    <div className={classes['page']} data-full={isFull || undefined}>
      <header className={classes['bar']}>
        <div className={classes['title']}>
          {lead}
          <h1>{title}</h1>
          {beside}
        </div>
        {actions !== undefined && <div className={classes['actions']}>{actions}</div>}
      </header>
      {toolbar !== undefined && <div className={classes['toolbar']}>{toolbar}</div>}
      <div className={classes['content']}>{children}</div>
    </div>
  );
}
