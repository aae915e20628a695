import { queryOptions } from '@tanstack/react-query';
import { client } from './client.ts';

/**
 * Reads the pending approvals, in the background too: the tab's title shows their number. A tool that the client of a
 * session runs waits for no person here.
 */
export const pendingApprovalsQuery = queryOptions({
  queryKey: ['approvals', 'pending'],
  queryFn: async () => {
    const page = await client.approvals({ status: 'pending', limit: 200 });
    return { ...page, data: page.data.filter(({ kind }) => kind !== 'custom') };
  },
  refetchInterval: 5_000,
  refetchIntervalInBackground: true,
});
