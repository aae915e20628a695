import { z } from '@hono/zod-openapi';
import { UNFINISHED_STATUSES } from '../../core/states.ts';
import { id } from '../input-fields.ts';
import { runFilterBody } from '../run-filter-fields.ts';

const MOST = 1_000;

/** What every choice of many runs has: their names, or what they have in common, a page at a time. */
const choice = {
  ids: z
    .array(id("must be a run's id, a UUID"), 'must be a list of ids')
    .min(1, 'must name at least one run')
    .max(MOST, `must name at most ${MOST} runs`)
    .optional(),
  ...runFilterBody,
  cursor: id('must be the nextCursor of an earlier answer')
    .optional()
    .describe('The `nextCursor` of the answer before: goes on with those behind it.'),
  limit: z
    .int('must be a whole number')
    .min(1, `must be between 1 and ${MOST}`)
    .max(MOST, `must be between 1 and ${MOST}`)
    .optional()
    .describe('Runs at most. Defaults to 200.'),
};

/** Which runs to try again. */
export const retrySelectionSchema = z
  .strictObject(
    {
      ...choice,
      ids: choice.ids.describe(
        'The runs. Without it: those that have failed and were not tried again yet, newest first.',
      ),
      status: z
        .enum(['failed', 'cancelled'], 'must be "failed" or "cancelled"')
        .optional()
        .describe('Defaults to `failed`.'),
    },
    'must be an object',
  )
  .openapi('RetrySelection');

/** Which runs to cancel. */
export const cancelSelectionSchema = z
  .strictObject(
    {
      ...choice,
      ids: choice.ids.describe('The runs. Without it: those that have not ended, newest first.'),
      status: z
        .enum(UNFINISHED_STATUSES, `must be one of ${UNFINISHED_STATUSES.join(', ')}`)
        .optional()
        .describe('Defaults to all that have not ended.'),
    },
    'must be an object',
  )
  .openapi('CancelSelection', { example: { agent: 'reader', status: 'queued' } });

export const skippedRunSchema = z.object({ id: z.uuid(), code: z.string(), message: z.string() }).openapi('SkippedRun');

export const runCountSchema = z
  .object({
    count: z.int(),
    isMore: z.boolean().describe('There are more: counting ends at 10,000.'),
  })
  .openapi('RunCount', { example: { count: 128, isMore: false } });

export type RetrySelection = z.input<typeof retrySelectionSchema>;
export type CancelSelection = z.input<typeof cancelSelectionSchema>;
export type SkippedRun = z.input<typeof skippedRunSchema>;
export type RunCountResource = z.infer<typeof runCountSchema>;
