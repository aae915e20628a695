import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { SessionResource } from 'longhaul/client';
import { client } from '../../data/client.ts';
import { shortId } from '../../ui/format/format.ts';
import { Time } from '../../ui/time/time.tsx';
import classes from './sessions.module.css';

const MOST = 50;

/** Shows the session that this one was branched from, and the sessions that were branched from it. */
export function Branches({ session: { id, forkedFrom } }: { readonly session: SessionResource }) {
  const { data } = useQuery({
    queryKey: ['session', id, 'branches'],
    queryFn: () => client.sessions({ forkedFrom: id, limit: MOST }),
  });
  const branches = data?.data ?? [];
  if (forkedFrom === null && branches.length === 0) return null;
  return (
    <>
      <h2>Branches</h2>
      <ul>
        {forkedFrom !== null && (
          <li>
            <SessionLink id={forkedFrom} />
            <span className={classes['quiet']}>it was branched from</span>
          </li>
        )}
        {branches.map((branch) => (
          <li key={branch.id}>
            <SessionLink id={branch.id} />
            <span className={classes['quiet']}>
              <Time at={branch.createdAt} />
            </span>
          </li>
        ))}
        {data !== undefined && data.nextCursor !== null && <li className={classes['quiet']}>and more</li>}
      </ul>
    </>
  );
}

function SessionLink({ id }: { readonly id: string }) {
  return (
    <Link to="/sessions/$sessionId" params={{ sessionId: id }} className="mono">
      {shortId(id)}
    </Link>
  );
}
