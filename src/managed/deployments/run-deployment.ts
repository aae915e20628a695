import { sql } from 'kysely';
import { keyActor } from '../../audit/actors.ts';
import { createSender } from '../events/send.ts';
import type { CreateDeps } from '../routes/create-session.ts';
import type { DeploymentRunRow } from './deployment-run.ts';
import { changeLocked, type Meant } from './lock-deployment.ts';
import { findDeployment } from './read-deployments.ts';
import { toRunError } from './run-error.ts';
import { recordRunError, startSession } from './start-session.ts';

/**
 * Starts a session of a deployment now, beside its ticks, also while it is paused. If the session is refused, the
 * record says so; that does not pause the deployment.
 * @throws {ManagedError} for an archived deployment.
 * @throws {LonghaulError} `rate_limited`: its messages count against the limits of the caller.
 */
export async function runDeployment(deps: CreateDeps, meant: Meant): Promise<DeploymentRunRow> {
  const { initialEvents, ...found } = await findDeployment(deps.database, meant);
  await createSender(deps, meant.caller).count(initialEvents, found);
  const actor = keyActor(meant.caller);
  return changeLocked(deps.database, meant, async (trx, { deployment }) => {
    const start = { deployment, scheduledAt: null };
    await sql`savepoint session`.execute(trx);
    try {
      return await startSession(trx, { ...start, deps, actor });
    } catch (error) {
      const refused = toRunError(error);
      if (refused === null) throw error;
      await sql`rollback to savepoint session`.execute(trx);
      return (await recordRunError(trx, { ...start, error: refused }))!;
    }
  });
}
