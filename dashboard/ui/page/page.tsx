import type { ReactNode } from 'react';
import { usePageTitle } from './page-title.ts';
import classes from './page.module.css';

interface PageProps {
  readonly title: string;
  /** Title of the browser's tab. Defaults to `title`. */
  readonly tabTitle?: string;
  /** Element before the title, such as a link back. */
  readonly lead?: ReactNode;
  /** Element beside the title. */
  readonly beside?: ReactNode;
  readonly actions?: ReactNode;
  /** Bar below the title, which stays while the page scrolls. */
  readonly toolbar?: ReactNode;
  /** Set when the content has no padding and scrolls itself: for long lists. */
  readonly isFull?: boolean;
  readonly children: ReactNode;
}

/** A page: a bar with title and actions, and the content. */
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
