import { VisuallyHidden } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { openAlertsQuery } from '../data/alerts.ts';
import { pendingApprovalsQuery } from '../data/approvals.ts';
import { useRights } from '../data/signed-in.ts';
import { useTitleBadge } from '../ui/page/page-title.ts';
import { AccountMenu } from './account-menu.tsx';
import { PAGE_GROUPS, type PageEntry } from './pages.tsx';
import classes from './navigation.module.css';

/** Lists the pages that the signed-in key may see, and the account menu. */
export function Navigation() {
  const rights = useRights();
  return (
    <nav className={classes['nav']} aria-label="Pages">
      <div className={classes['groups']}>
        {PAGE_GROUPS.map(({ title, pages }) => {
          const shown = pages.filter(({ isFor }) => isFor(rights));
          if (shown.length === 0) return null;
          return (
            <div key={title}>
              {title !== null && <p className={classes['groupTitle']}>{title}</p>}
              <ul className={classes['group']}>
                {shown.map((page) => (
                  <li key={page.path}>
                    <PageLink page={page} />
                  </li>
                ))}
              </ul>
            </div>
          );
        })}
      </div>
      <div className={classes['account']}>
        <AccountMenu />
      </div>
    </nav>
  );
}

function PageLink({ page: { path, title, icon: Icon } }: { page: PageEntry }) {
  return (
    <Link to={path} className={classes['link']} activeOptions={{ exact: path === '/', includeSearch: false }}>
      <Icon />
      <span>{title}</span>
      {path === '/approvals' && <ApprovalCount />}
      {path === '/alerts' && <AlertCount />}
    </Link>
  );
}

function ApprovalCount() {
  const { data } = useQuery(pendingApprovalsQuery);
  const count = data?.data.length ?? 0;
  useTitleBadge(count);
  return <Count count={count} isMore={data?.nextCursor !== null} label="wait for a decision" />;
}

function AlertCount() {
  const { data } = useQuery(openAlertsQuery);
  return <Count count={data?.data.length ?? 0} isMore={data?.nextCursor !== null} label="are open" tone="red" />;
}

interface CountProps {
  readonly count: number;
  readonly isMore: boolean;
  readonly label: string;
  readonly tone?: 'red';
}

function Count({ count, isMore, label, tone }: CountProps) {
  if (count === 0) return null;
  const text = isMore ? `${count}+` : String(count);
  return (
    <span className={classes['count']} data-tone={tone}>
      {text}
      <VisuallyHidden> {label}</VisuallyHidden>
    </span>
  );
}
