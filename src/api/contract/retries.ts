import { z } from '@hono/zod-openapi';
import { id, text, time } from '../input-fields.ts';

/** Selects the runs to retry. */
export const retrySelectionSchema = z
  .strictObject(
    {
      ids: z
        .array(id("must be a run's id, a UUID"), 'must be a list of ids')
        .min(1, 'must name at least one run')
        .max(1_000, 'must name at most 1000 runs')
        .optional()
        .describe('The runs to retry. Defaults to the failed runs that were not retried yet, newest first.'),
      agent: text().optional(),
      user: text().optional(),
      errorCode: text().optional().describe('Only runs that ended with this error code.'),
      from: time().optional().describe('Only runs submitted at or after this time.'),
      to: time().optional().describe('Only runs submitted before this time.'),
      limit: z
        .int('must be a whole number')
        .min(1, 'must be between 1 and 1000')
        .max(1_000, 'must be between 1 and 1000')
        .optional()
        .describe('Maximum number of runs. Defaults to 200.'),
    },
    'must be an object',
  )
  .openapi('RetrySelection');

export const skippedRunSchema = z.object({ id: z.uuid(), code: z.string(), message: z.string() }).openapi('SkippedRun');

export type RetrySelection = z.input<typeof retrySelectionSchema>;
export type SkippedRun = z.input<typeof skippedRunSchema>;
