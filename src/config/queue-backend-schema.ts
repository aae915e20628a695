import { z } from 'zod';

const FORMS =
  'must be redis://HOST, rediss://HOST or sqs://REGION, such as redis://cache:6379 or sqs://eu-west-1; leave it out for the database alone';

export const queueUrl = () => z.string(FORMS).regex(/^(?:rediss?|sqs):\/\/./, FORMS);

/** The backend that [wakes workers](queues.md) instead of the database. */
export const queueBackendSchema = z.strictObject({
  /**
   * Address of Redis, `redis://` or with TLS `rediss://`, or the region of SQS, `sqs://REGION`. An address with a password
   * belongs in the variable `LONGHAUL_QUEUE_URL`, which takes precedence. Requires PostgreSQL. Defaults to none: the
   * database wakes the workers.
   */
  url: queueUrl().optional(),
});
