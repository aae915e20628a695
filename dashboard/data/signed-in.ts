import { queryOptions, useQuery } from '@tanstack/react-query';
import type { SignedInResource } from 'longhaul/client';
import { client, isSignedOut } from './client.ts';

/** Reads the signed-in key; null when not signed in. */
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

/** Rights of the signed-in key, to decide what to show. The server checks each request again. */
export interface Rights {
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  readonly mayApprove: boolean;
  readonly isOperator: boolean;
  /** True when the key sees only the runs of one user or one team. */
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

/** Returns the signed-in key. Use it only below the sign-in gate. */
export function useSignedIn(): SignedInResource {
  const { data } = useQuery(signedInQuery);
  if (data === undefined || data === null) throw new Error('Nobody is signed in.');
  return data;
}

export function useRights(): Rights {
  return toRights(useSignedIn());
}
