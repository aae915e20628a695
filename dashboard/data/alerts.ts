import { queryOptions } from '@tanstack/react-query';
import { client } from './client.ts';

export const openAlertsQuery = queryOptions({
  queryKey: ['alerts', 'open'],
  queryFn: () => client.alerts({ state: 'open', limit: 50 }),
  refetchInterval: 15_000,
});
