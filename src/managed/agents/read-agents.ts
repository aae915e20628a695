import { sql, type Kysely } from 'kysely';
import type { Tables } from '../../db/tables.ts';
import type { TimeRange } from '../read-request.ts';
import { toStoredAgent, type StoredAgent } from './stored-agent.ts';

/** Reads a version of an agent, by default the newest; null when there is none. */
export async function readAgent(
  db: Kysely<Tables>,
  { uuid, version }: { uuid: string; version?: number | undefined },
): Promise<StoredAgent | null> {
  let query = versionsOf(db).where('agents.id', '=', uuid);
  query =
    version === undefined
      ? query.whereRef('versions.version', '=', 'agents.version')
      : query.where('versions.version', '=', version);
  const row = await query.executeTakeFirst();
  return row === undefined ? null : toStoredAgent(row);
}

interface ListOptions {
  /** Agents created before this one, by UUID. Defaults to all. */
  readonly before?: string | undefined;
  readonly createdAt: TimeRange;
  readonly includeArchived: boolean;
  readonly limit: number;
}

const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/** Reads agents in their newest versions, the newest agent first. */
export async function readAgents(db: Kysely<Tables>, options: ListOptions): Promise<StoredAgent[]> {
  const { before, createdAt, includeArchived, limit } = options;
  let query = versionsOf(db)
    .whereRef('versions.version', '=', 'agents.version')
    .orderBy('agents.id', 'desc')
    .limit(limit);
  if (before !== undefined) query = query.where('agents.id', '<', before);
  if (!includeArchived) query = query.where('agents.archived_at', 'is', null);
  for (const end of ['gt', 'gte', 'lt', 'lte'] as const) {
    const time = createdAt[end];
    // Clients know milliseconds: an agent is within a range that begins or ends at its own time.
    const created = sql<Date>`date_trunc('milliseconds', agents.created_at)`;
    if (time !== undefined) query = query.where(created, OPERATORS[end], time);
  }
  return (await query.execute()).map(toStoredAgent);
}

/** Reads versions of an agent, the newest first; `before` is the version that they are older than. */
export async function readVersions(
  db: Kysely<Tables>,
  { uuid, before, limit }: { uuid: string; before?: number | undefined; limit: number },
): Promise<StoredAgent[]> {
  let query = versionsOf(db).where('agents.id', '=', uuid).orderBy('versions.version', 'desc').limit(limit);
  if (before !== undefined) query = query.where('versions.version', '<', before);
  return (await query.execute()).map(toStoredAgent);
}

function versionsOf(db: Kysely<Tables>) {
  return db
    .selectFrom('longhaul.managed_agents as agents')
    .innerJoin('longhaul.managed_agent_versions as versions', 'versions.agent_id', 'agents.id')
    .select([
      'agents.id',
      'agents.created_at',
      'agents.updated_at',
      'agents.archived_at',
      'agents.version as newest',
      'versions.version',
      'versions.agent',
      'versions.created_at as versioned_at',
    ]);
}
