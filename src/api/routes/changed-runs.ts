import { z } from '@hono/zod-openapi';
import { runSchema, skippedRunSchema } from '../contract.ts';
import { json } from './answers.ts';

/** Describes the response to a change of many runs. */
export function changedRuns(description: string) {
  const schema = z.object({
    data: z.array(runSchema),
    skipped: z.array(skippedRunSchema),
    nextCursor: z.uuid().nullable(),
  });
  return json(schema, description);
}
