import { queryOptions } from '@tanstack/react-query';
import { client } from './client.ts';

/** What waits for a person now. Looked at in the background too: the tab says how much there is. */
export const pendingApprovalsQuery = queryOptions({
  queryKey: ['approvals', 'pending'],
  queryFn: () => client.approvals({ status: 'pending', limit: 50 }),
  refetchInterval: 5_000,
  refetchIntervalInBackground: true,
});
