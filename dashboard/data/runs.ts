import { queryOptions } from '@tanstack/react-query';
import { LonghaulNotFoundError } from 'longhaul/client';
import { client } from './client.ts';

/** Reads a run; null when there is none that the reader may see. */
export const runQuery = (runId: string) =>
  queryOptions({
    queryKey: ['run', runId],
    queryFn: async () => {
      try {
        return await client.run(runId);
      } catch (error) {
        if (error instanceof LonghaulNotFoundError) return null;
        throw error;
      }
    },
  });
