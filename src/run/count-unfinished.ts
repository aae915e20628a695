import { sql } from 'kysely';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import { isSeenBy, type Viewer } from './viewer.ts';

interface CountOptions {
  readonly viewer: Viewer;
  /** Counts only runs of this agent. Defaults to all agents except the agent of the health check. */
  readonly agent?: string | undefined;
}

/** Counts the unfinished runs that the viewer may see, by status. */
export async function countUnfinished(
  database: Database,
  { viewer, agent }: CountOptions,
): Promise<{ queued: number; running: number; waiting: number }> {
  const isWanted = agent === undefined ? sql`agent <> ${HEALTH_AGENT}` : sql`agent = ${agent}`;
  const { rows } = await sql<{ status: 'queued' | 'running' | 'waiting'; count: number }>`
    select status, count(*)::int as count from longhaul.runs
     where status in ('queued', 'running', 'waiting') and ${isWanted} and ${isSeenBy(viewer)} group by status`.execute(
    database.sql,
  );
  const counted = { queued: 0, running: 0, waiting: 0 };
  for (const { status, count } of rows) counted[status] = count;
  return counted;
}
