import { z } from '@hono/zod-openapi';
import { runSchema } from './runs.ts';
import { submissionSchema } from './submission.ts';

const MOST_RUNS = 1_000;

const rule = `must be a list of 1 to ${MOST_RUNS} submissions`;

/** Counts the submissions before it validates any, so a list of millions costs nothing. */
const runs = z.preprocess((value, context) => {
  if (!Array.isArray(value) || (value.length > 0 && value.length <= MOST_RUNS)) return value;
  context.issues.push({ code: 'custom', message: rule, input: `${value.length} submissions`, path: [] });
  return z.NEVER;
}, z.array(submissionSchema, rule).min(1).max(MOST_RUNS));

export const batchSchema = z
  .strictObject({ runs: runs.describe('Submitted in this order, all or none.') }, 'must be an object')
  .openapi('Batch', {
    example: {
      runs: [
        { agent: 'reader', prompt: 'Sum up invoice 1.' },
        { agent: 'reader', prompt: 'Sum up invoice 2.' },
      ],
    },
  });

export const submittedBatchSchema = z
  .object({ data: z.array(runSchema).describe('In the order of the submissions.') })
  .openapi('SubmittedBatch');
