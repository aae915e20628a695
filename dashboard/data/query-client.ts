import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { isSignedOut } from './client.ts';
import { noteAnswer } from './connection.ts';
import { signedInQuery } from './signed-in.ts';

function onError(error: unknown): void {
  noteAnswer(error);
  if (isSignedOut(error)) queryClient.setQueryData(signedInQuery.queryKey, null);
}

const onSuccess = () => noteAnswer(null);

/** Caches responses of the API. It does not retry, because the client already does. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError, onSuccess }),
  mutationCache: new MutationCache({ onError, onSuccess }),
  defaultOptions: {
    queries: { retry: false, staleTime: 2_000, networkMode: 'always' },
    mutations: { retry: false, networkMode: 'always' },
  },
});
