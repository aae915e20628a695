import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';
import type { Lease } from '../log/append-events.ts';
import { leaseEnd } from './claim.ts';

/** The result of a lease's renewal. */
export interface RenewedLease {
  readonly runId: string;
  readonly isCancelRequested: boolean;
}

/**
 * Renews a worker's leases in one statement. A lease that is missing from the result is lost: its run has ended or
 * belongs to another worker, and the worker must stop that attempt at once.
 */
export async function renewLeases(database: Database, leases: readonly Lease[]): Promise<RenewedLease[]> {
  if (leases.length === 0) return [];
  const { rows } = await sql<RenewedLease>`
    update longhaul.runs as run set lease_expires_at = ${leaseEnd()}
      from json_to_recordset(${JSON.stringify(leases)}::json) as held ("runId" uuid, fence integer)
     where run.id = held."runId" and run.fence = held.fence and run.status = 'running'
    returning run.id as "runId", run.cancel_requested_at is not null as "isCancelRequested"`.execute(database.sql);
  return rows;
}
