import { z } from 'zod';
import { positive, rate, usd } from './option-values.ts';

/**
 * Spending limits, and the policy when one is reached. An amount counts from its reservation for a run, not only once
 * it is spent.
 */
const budgetSchema = z.strictObject({
  /** Maximum amount to spend in a calendar day. Defaults to no limit. */
  usdPerDay: usd().optional(),
  /** Maximum amount to spend in a calendar month. Defaults to no limit. */
  usdPerMonth: usd().optional(),
  /**
   * Policy for a submission that exceeds the budget: `refuse` rejects it with `402`; `wait` accepts it, and the
   * run waits until the budget resets or is raised. Defaults to `refuse`.
   */
  whenReached: z.enum(['refuse', 'wait'], 'must be "refuse" or "wait"').default('refuse'),
});

/** The limits over all runs, as opposed to the limits of each run of an agent. */
export const fleetLimitsSchema = z.strictObject({
  /**
   * For each user that submissions name. A submission without a user is subject to the limits of its team, its key and
   * `global`.
   */
  perUser: z
    .strictObject({
      /** Submissions per minute, counted from the first; `false` for no limit. Defaults to 5. */
      runsPerMinute: rate().default(5),
      /**
       * Concurrency limit: runs in progress at once, on all workers together; further runs stay queued. Defaults to no
       * limit.
       */
      concurrent: positive().optional(),
      ...budgetSchema.shape,
    })
    .prefault({}),
  /** For each team that submissions name. */
  perTeam: budgetSchema.prefault({}),
  /** For each API key. */
  perKey: z
    .strictObject({
      /** Submissions per minute, counted from the first; `false` for no limit. Defaults to no limit. */
      runsPerMinute: rate().default(null),
    })
    .prefault({}),
  /**
   * Highest priority, from -100 to 100, that keys and tokens bound to a user or a team may set. A higher priority would
   * put their runs before those of all others. Defaults to 0.
   */
  maxPriority: z
    .int('must be a whole number from -100 to 100')
    .min(-100, 'must be a whole number from -100 to 100')
    .max(100, 'must be a whole number from -100 to 100')
    .default(0),
  /** For all runs together. */
  global: z
    .strictObject({
      /**
       * Concurrency limit: runs in progress at once, on all workers together; further runs stay queued. Defaults to the
       * number of slots.
       */
      concurrent: positive().optional(),
      ...budgetSchema.shape,
    })
    .prefault({}),
});
