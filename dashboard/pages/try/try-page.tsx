import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { RocketIcon } from '@radix-ui/react-icons';
import { agentsQuery } from '../../data/agents.ts';
import { client } from '../../data/client.ts';
import { runQuery } from '../../data/runs.ts';
import { useRights } from '../../data/signed-in.ts';
import { shortId } from '../../ui/format/format.ts';
import { Page } from '../../ui/page/page.tsx';
import { Failed, NoPermission } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { TryForm } from './try-form.tsx';

/** Submits a run: a new run, a changed copy of a run, or a branch of a session. */
export function TryPage() {
  const { mayRead, mayWrite } = useRights();
  const { from, session: sessionId } = useSearch({ from: '/try' });
  const agents = useQuery(agentsQuery);
  const source = useQuery({ ...runQuery(from ?? ''), enabled: from !== undefined });
  const session = useQuery({
    queryKey: ['session', sessionId, 'agent'],
    queryFn: () => client.session(sessionId!, { limit: 1 }),
    enabled: sessionId !== undefined,
  });
  const title =
    from !== undefined
      ? 'Run again with changes'
      : sessionId !== undefined
        ? `Branch off ${shortId(sessionId)}`
        : 'Try it';
  const error = agents.error ?? source.error ?? session.error;
  const isLoading =
    agents.data === undefined ||
    (from !== undefined && source.data === undefined) ||
    (sessionId !== undefined && session.data === undefined);
  return (
    <Page title={title}>
      {!mayRead || !mayWrite ? (
        <NoPermission detail="Sign in with a key that has the scopes runs:write and runs:read." />
      ) : error !== null ? (
        <Failed error={error} onRetry={() => void agents.refetch()} />
      ) : isLoading ? (
        <PageLoading />
      ) : agents.data.length === 0 ? (
        <State icon={<RocketIcon />} title="No agents">
          The configuration has no agents. Add one to longhaul.config.ts and restart the server.
        </State>
      ) : (
        <TryForm
          key={`${from} ${sessionId}`}
          agents={agents.data}
          source={source.data ?? null}
          session={session.data ?? null}
        />
      )}
    </Page>
  );
}
