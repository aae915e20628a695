import { sql, type SqlBool } from 'kysely';
import { SYSTEM_ACTOR } from '../../audit/actors.ts';
import { createTicker, type Ticker } from '../../schedule/ticker.ts';
import { listConfigAgents } from '../agents/config-agents.ts';
import type { CreateDeps } from '../routes/create-session.ts';
import { auditDeployment, toAuditRecord } from './audit-deployment.ts';
import { toDeployment, type DeploymentRow } from './deployment.ts';
import { toPausedReason, toRunError } from './run-error.ts';
import { recordRunError, startSession } from './start-session.ts';

/** A deployment that ticks has a schedule. */
type TickingRow = DeploymentRow & { readonly cron: string; readonly time_zone: string };

/**
 * Creates the ticker of deployments: a tick starts a session and records it, or records why it was refused. A refusal that
 * would repeat itself pauses the deployment.
 */
export function createDeploymentTicker(deps: CreateDeps): Ticker {
  const known = listConfigAgents(deps.config).map(({ id }) => id);
  return createTicker<TickingRow>(deps.database, {
    table: 'longhaul.managed_deployments',
    isKnown: sql<SqlBool>`(not starts_with(due.agent_id, 'agent_config_') or due.agent_id = any(${sql.val(known)}::text[]))`,
    async make(trx, { row, tickAt }) {
      const start = { deployment: toDeployment(row), scheduledAt: tickAt, actor: SYSTEM_ACTOR };
      const run = await startSession(trx, { ...start, deps });
      await trx
        .updateTable('longhaul.managed_deployments')
        .set({ last_run_at: run.created_at })
        .where('id', '=', row.id)
        .execute();
      return run.session_id!;
    },
    toRejection(error) {
      const refused = toRunError(error);
      return refused === null ? null : { code: refused.type, message: refused.message };
    },
    async reject(trx, { row, tickAt, now }, { code: type, message }) {
      const deployment = toDeployment(row);
      const error = { type, message };
      await recordRunError(trx, { deployment, scheduledAt: tickAt, error });
      const reason = toPausedReason(error);
      if (reason === null) return;
      await trx
        .updateTable('longhaul.managed_deployments')
        .set({ paused_at: now, paused_reason: reason, next_at: null, updated_at: sql<Date>`clock_timestamp()` })
        .where('id', '=', row.id)
        .execute();
      await auditDeployment(trx, { action: 'deployment.paused', deployment, actor: SYSTEM_ACTOR, reason });
    },
    toPauseRecord: (row) =>
      toAuditRecord({ action: 'deployment.paused', deployment: toDeployment(row), reason: 'key_revoked' }),
  });
}
