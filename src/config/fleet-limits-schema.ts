import { z } from 'zod';
import { positive, rate, usd } from './option-values.ts';

/** What may be spent, and what happens then. Money counts when it is set aside for a run, not only when it is spent. */
const budgetSchema = z.strictObject({
  /** What may be spent in a calendar day. Defaults to any amount. */
  usdPerDay: usd().optional(),
  /** What may be spent in a calendar month. Defaults to any amount. */
  usdPerMonth: usd().optional(),
  /**
   * What becomes of a submission that no money is left for: `refuse` answers `402`, `wait` accepts it and lets it wait
   * until the budget begins anew or is raised. Defaults to `refuse`.
   */
  whenReached: z.enum(['refuse', 'wait'], 'must be "refuse" or "wait"').optional(),
});

/** The limits over all runs, as against those of each run of an agent. */
export const fleetLimitsSchema = z.strictObject({
  /** For each user that submissions name. One without a user is held to the limits of its team, its key and `global`. */
  perUser: z
    .strictObject({
      /** Submissions a minute, counted from the first; `false` for any number. Defaults to 5. */
      runsPerMinute: rate().optional(),
      /** Runs at once, on all workers together; others stay queued. Defaults to any number. */
      concurrent: positive().optional(),
      ...budgetSchema.shape,
    })
    .optional(),
  /** For each team that submissions name. */
  perTeam: budgetSchema.optional(),
  /** For each API key. */
  perKey: z
    .strictObject({
      /** Submissions a minute, counted from the first; `false` for any number. Defaults to any number. */
      runsPerMinute: rate().optional(),
    })
    .optional(),
  /**
   * The highest priority that keys and tokens bound to a user or a team may name, from -100 to 100: with a higher one they
   * would go before the runs of all others. Defaults to 0.
   */
  maxPriority: z
    .int('must be a whole number from -100 to 100')
    .min(-100, 'must be a whole number from -100 to 100')
    .max(100, 'must be a whole number from -100 to 100')
    .optional(),
  /** For all together. */
  global: z
    .strictObject({
      /** Runs at once, on all workers together; others stay queued. Defaults to as many as there are slots. */
      concurrent: positive().optional(),
      ...budgetSchema.shape,
    })
    .optional(),
});
