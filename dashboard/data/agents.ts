import { queryOptions } from '@tanstack/react-query';
import { client } from './client.ts';

/** Reads the agents. They change only when the server restarts. */
export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: () => client.agents(),
  staleTime: 300_000,
});
