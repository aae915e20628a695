import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { client } from '../../data/client.ts';
import { signedInQuery } from '../../data/signed-in.ts';
import { takeFromHash } from './take-from-hash.ts';
import { Unreachable } from './unreachable.tsx';

/** Code of the link that `longhaul start` prints. Read once, and removed from the address before anything else runs. */
const code = takeFromHash('code');

const SignInPage = lazy(async () => ({ default: (await import('./sign-in-page.tsx')).SignInPage }));

/** Shows its children to a signed-in user, and the sign-in page to others. */
export function SignInGate({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [isUsingLink, setIsUsingLink] = useState(code !== null);
  const [linkError, setLinkError] = useState<unknown>(null);
  const { data, error, refetch, isFetching } = useQuery({ ...signedInQuery, enabled: !isUsingLink });

  useEffect(() => {
    if (code === null) return;
    signInOnce(code)
      .catch(setLinkError)
      .finally(() => setIsUsingLink(false));
  }, []);

  // Drops the data of the user before.
  useEffect(() => {
    if (data === null) queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'signed-in' });
  }, [data, queries]);

  if (data === undefined) {
    return error === null ? null : <Unreachable error={error} isTrying={isFetching} onRetry={() => void refetch()} />;
  }
  if (data !== null) return children;
  return (
    <Suspense fallback={null}>
      <SignInPage linkError={linkError} />
    </Suspense>
  );
}

let signingIn: Promise<unknown> | null = null;

/** Uses the code only once, because a code works once and React may render twice. */
function signInOnce(code: string): Promise<unknown> {
  return (signingIn ??= client.signIn({ code }));
}
