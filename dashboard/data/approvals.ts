import { queryOptions } from '@tanstack/react-query';
import { client } from './client.ts';

/** Reads the pending approvals, in the background too: the tab's title shows their number. */
export const pendingApprovalsQuery = queryOptions({
  queryKey: ['approvals', 'pending'],
  queryFn: () => client.approvals({ status: 'pending', limit: 50 }),
  refetchInterval: 5_000,
  refetchIntervalInBackground: true,
});
