import { randomInt } from 'node:crypto';
import type { Database } from '../../db/database.ts';

const CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Six: with "longhaul-" and a queue's name of 64 characters, a name of SQS has its most, 80. */
const LENGTH = 6;

/**
 * Returns the id that distinguishes this database's wake-ups from those of other deployments on the same Redis or in the
 * same account of AWS. The first start with such a backend chooses it.
 */
export async function readDeploymentId({ sql: connection }: Database): Promise<string> {
  const deployment_id = Array.from({ length: LENGTH }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('');
  await connection
    .insertInto('longhaul.queue_backend')
    .values({ deployment_id })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await connection.selectFrom('longhaul.queue_backend').select('deployment_id').executeTakeFirstOrThrow();
  return row.deployment_id;
}
