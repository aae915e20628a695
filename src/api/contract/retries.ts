import { z } from '@hono/zod-openapi';
import { id, text, time } from '../input-fields.ts';

/** Which runs to try again. */
export const retrySelectionSchema = z
  .strictObject(
    {
      ids: z
        .array(id("must be a run's id, a UUID"), 'must be a list of ids')
        .min(1, 'must name at least one run')
        .max(1_000, 'must name at most 1000 runs')
        .optional()
        .describe('The runs. Without it: those that have failed and were not tried again yet, newest first.'),
      agent: text().optional(),
      user: text().optional(),
      errorCode: text().optional().describe('Only those that ended with this error code.'),
      from: time().optional().describe('Submitted at or after.'),
      to: time().optional().describe('Submitted before.'),
      limit: z
        .int('must be a whole number')
        .min(1, 'must be between 1 and 1000')
        .max(1_000, 'must be between 1 and 1000')
        .optional()
        .describe('Runs at most. Defaults to 200.'),
    },
    'must be an object',
  )
  .openapi('RetrySelection');

export const skippedRunSchema = z.object({ id: z.uuid(), code: z.string(), message: z.string() }).openapi('SkippedRun');

export type RetrySelection = z.input<typeof retrySelectionSchema>;
export type SkippedRun = z.input<typeof skippedRunSchema>;
