import { z } from 'zod';
import { seconds } from './option-values.ts';

export const approvalsSchema = z.strictObject({
  /** How long a process waits for a person before it is given up. It holds its slot meanwhile. Defaults to 20. */
  holdSeconds: seconds().optional(),
  /** How long a tool use or a question waits in all, with a process and without one; then it is denied. Defaults to 604800, 7 days. */
  expireSeconds: z
    .number('must be a number of seconds')
    .min(1, 'must be 1 or more')
    .max(31_536_000, 'must be at most 31536000, a year')
    .optional(),
});

export type ApprovalsInput = z.infer<typeof approvalsSchema>;
