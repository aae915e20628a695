import { z } from 'zod';
import { seconds } from './option-values.ts';

/** The check of `GET /v1/health/agent`, which really asks a model. */
export const healthSchema = z.strictObject({
  /** The agent whose model and provider are asked. Defaults to the first. */
  agent: z.string('must be the name of an agent').min(1, 'must be the name of an agent').optional(),
  /**
   * How long an answer that was well is good for, however often it is asked for; one that was not is good for a minute
   * at most. Defaults to 600: 144 questions a day, each of about $0.001 with a mid-sized model.
   */
  everySeconds: seconds().min(60, 'must be 60 or more').optional(),
});
