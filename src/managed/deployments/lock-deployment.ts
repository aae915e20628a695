import { toViewer, type Caller } from '../../access/caller.ts';
import type { Database, Transaction } from '../../db/database.ts';
import { readNow } from '../../db/read-now.ts';
import { isSeenBy } from '../../run/viewer.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import { invalid, notFound } from '../error.ts';
import { fromWireId } from '../ids.ts';
import { toDeployment, type Deployment } from './deployment.ts';

/** The deployment that a caller names. */
export interface Meant {
  /** The id that clients see. */
  readonly id: string;
  readonly caller: Caller;
}

/** A deployment whose row is locked, at the time of the clock that decides on ticks. */
export interface Locked {
  readonly deployment: Deployment;
  readonly now: Date;
}

/**
 * Does `work` under the lock of a deployment's row: it waits for a tick in progress, and the next tick finds the change.
 * @throws {ManagedError} when the caller sees no such deployment, or it is archived and `isArchivedToo` is not set.
 */
export async function changeLocked<T>(
  database: Database,
  { id, caller }: Meant,
  work: (trx: Transaction, locked: Locked) => Promise<T>,
  { isArchivedToo = false }: { isArchivedToo?: boolean } = {},
): Promise<T> {
  const uuid = fromWireId('depl', id);
  if (uuid === null) throw notFound('deployment', id);
  const now = await readNow(database);
  return retryDeadlock(() =>
    database.sql.transaction().execute(async (trx) => {
      const row = await trx
        .selectFrom('longhaul.managed_deployments')
        .selectAll()
        .where('id', '=', uuid)
        .where(isSeenBy(toViewer(caller)))
        .forUpdate()
        .executeTakeFirst();
      if (row === undefined) throw notFound('deployment', id);
      const deployment = toDeployment(row);
      if (!isArchivedToo && deployment.archivedAt !== null) throw invalid(`The deployment ${id} is archived.`);
      return work(trx, { deployment, now });
    }),
  );
}
