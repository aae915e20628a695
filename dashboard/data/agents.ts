import { queryOptions } from '@tanstack/react-query';
import { client } from './client.ts';

/** The agents there are: they change when the server starts anew. */
export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: () => client.agents(),
  staleTime: 300_000,
});
