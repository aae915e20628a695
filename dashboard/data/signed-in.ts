import { queryOptions, useQuery } from '@tanstack/react-query';
import type { SignedInResource } from 'longhaul/client';
import { client, isSignedOut } from './client.ts';

/** Who is signed in; null: nobody. */
export const signedInQuery = queryOptions({
  queryKey: ['signed-in'],
  staleTime: 60_000,
  queryFn: async (): Promise<SignedInResource | null> => {
    try {
      return await client.signedIn();
    } catch (error) {
      if (isSignedOut(error)) return null;
      throw error;
    }
  },
});

/** What whoever is signed in may do. The server decides it again with each request; this is for what to show. */
export interface Rights {
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  readonly mayApprove: boolean;
  readonly isOperator: boolean;
  /** Sees the runs of one user or one team alone. */
  readonly isBound: boolean;
}

export function toRights({ scopes, user, team }: SignedInResource): Rights {
  const isOperator = scopes.includes('admin');
  const may = (scope: SignedInResource['scopes'][number]) => isOperator || scopes.includes(scope);
  return {
    mayRead: may('runs:read'),
    mayWrite: may('runs:write'),
    mayApprove: may('approvals'),
    isOperator,
    isBound: user !== null || team !== null,
  };
}

/** Who is signed in, below the gate that lets nobody else through. */
export function useSignedIn(): SignedInResource {
  const { data } = useQuery(signedInQuery);
  if (data === undefined || data === null) throw new Error('Nobody is signed in.');
  return data;
}

export function useRights(): Rights {
  return toRights(useSignedIn());
}
