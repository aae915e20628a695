import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { client } from '../../data/client.ts';
import { signedInQuery } from '../../data/signed-in.ts';
import { takeCode } from './take-code.ts';
import { SignInPage } from './sign-in-page.tsx';
import { Unreachable } from './unreachable.tsx';

/** Of the link that `longhaul start` prints. Read once, and gone from the address before anything else is done. */
const code = takeCode();

/** Shows what is in it to whoever is signed in, and to others how to. */
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

  // Nothing that somebody else was shown stays.
  useEffect(() => {
    if (data === null) queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'signed-in' });
  }, [data, queries]);

  if (data === undefined) {
    return error === null ? null : <Unreachable error={error} isTrying={isFetching} onRetry={() => void refetch()} />;
  }
  return data === null ? <SignInPage linkError={linkError} /> : children;
}

let signingIn: Promise<unknown> | null = null;

/** A code is used up by the first that comes with it, and React may look twice. */
function signInOnce(code: string): Promise<unknown> {
  return (signingIn ??= client.signIn({ code }));
}
