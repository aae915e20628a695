import { z } from 'zod';
import { seconds } from './option-values.ts';

export const approvalsSchema = z.strictObject({
  /**
   * Time that a run keeps its process, and its slot, while it waits for a decision. Afterwards it waits without a
   * process. Defaults to 20.
   */
  holdSeconds: seconds().default(20),
  /**
   * Time that a tool use or a question waits in total, with and without a process, before it is denied. Defaults to
   * 604800, 7 days.
   */
  expireSeconds: z
    .number('must be a number of seconds')
    .min(1, 'must be 1 or more')
    .max(31_536_000, 'must be at most 31536000, a year')
    .default(604_800),
});

/** Time limits of a tool use that waits for a decision, with and without a process. */
export type ApprovalRules = Readonly<z.output<typeof approvalsSchema>>;
