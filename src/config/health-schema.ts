import { z } from 'zod';
import { seconds } from './option-values.ts';

/** The check of `GET /v1/health/agent`, which sends a real prompt to a model. */
export const healthSchema = z.strictObject({
  /** The agent whose model and provider are checked. Defaults to the first agent. */
  agent: z.string('must be the name of an agent').min(1, 'must be the name of an agent').optional(),
  /**
   * Time that a successful result is reused, however often clients request it; a failed result is reused for a minute at
   * most. Defaults to 600: 144 prompts a day, each of about $0.001 with a mid-sized model.
   */
  everySeconds: seconds().min(60, 'must be 60 or more').default(600),
});
