import { z } from '@hono/zod-openapi';
import { UNFINISHED_STATUSES } from '../../core/states.ts';
import { id } from '../input-fields.ts';
import { runFilterBody } from '../run-filter-fields.ts';

const MOST = 1_000;

/** Fields of every selection of many runs: their ids or filters, a page at a time. */
const choice = {
  ids: z
    .array(id("must be a run's id, a UUID"), 'must be a list of ids')
    .min(1, 'must name at least one run')
    .max(MOST, `must name at most ${MOST} runs`)
    .optional(),
  ...runFilterBody,
  cursor: id('must be the nextCursor of an earlier answer')
    .optional()
    .describe('The `nextCursor` of the previous answer, to continue after it.'),
  limit: z
    .int('must be a whole number')
    .min(1, `must be between 1 and ${MOST}`)
    .max(MOST, `must be between 1 and ${MOST}`)
    .optional()
    .describe('Maximum number of runs. Defaults to 200.'),
};

/** Selects the runs to retry. */
export const retrySelectionSchema = z
  .strictObject(
    {
      ...choice,
      ids: choice.ids.describe(
        'The runs to retry. Defaults to the failed runs that were not retried yet, newest first.',
      ),
      status: z
        .enum(['failed', 'cancelled'], 'must be "failed" or "cancelled"')
        .optional()
        .describe('Defaults to `failed`.'),
    },
    'must be an object',
  )
  .openapi('RetrySelection');

/** Selects the runs to cancel. */
export const cancelSelectionSchema = z
  .strictObject(
    {
      ...choice,
      ids: choice.ids.describe('The runs to cancel. Defaults to the unfinished runs, newest first.'),
      status: z
        .enum(UNFINISHED_STATUSES, `must be one of ${UNFINISHED_STATUSES.join(', ')}`)
        .optional()
        .describe('Defaults to all unfinished states.'),
    },
    'must be an object',
  )
  .openapi('CancelSelection', { example: { agent: 'reader', status: 'queued' } });

export const skippedRunSchema = z.object({ id: z.uuid(), code: z.string(), message: z.string() }).openapi('SkippedRun');

export const runCountSchema = z
  .object({
    count: z.int(),
    isMore: z.boolean().describe('True when there are more: counting stops at 10,000.'),
  })
  .openapi('RunCount', { example: { count: 128, isMore: false } });

export type RetrySelection = z.input<typeof retrySelectionSchema>;
export type CancelSelection = z.input<typeof cancelSelectionSchema>;
export type SkippedRun = z.input<typeof skippedRunSchema>;
export type RunCountResource = z.infer<typeof runCountSchema>;
