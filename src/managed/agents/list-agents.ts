import type { Config } from '../../config/config.ts';
import type { Database } from '../../db/database.ts';
import type { TimeRange } from '../read-request.ts';
import { fromWireId } from '../ids.ts';
import { listConfigAgents } from './config-agents.ts';
import { readAgents } from './read-agents.ts';
import type { StoredAgent } from './stored-agent.ts';

/** The place at which a list goes on: older than an agent, by UUID, or behind an agent of the configuration, by id. */
export type AgentsPage = { readonly before: string } | { readonly after: string };

interface ListOptions {
  readonly page: AgentsPage | null;
  readonly createdAt: TimeRange;
  readonly includeArchived: boolean;
  readonly limit: number;
}

/** Lists agents: the clients' first, newest first, then the agents of the configuration by name. */
export async function listAgents(
  { database, config }: { database: Database; config: Config },
  { page, createdAt, includeArchived, limit }: ListOptions,
): Promise<{ agents: StoredAgent[]; next: AgentsPage | null }> {
  const before = page !== null && 'before' in page ? page.before : undefined;
  const after = page !== null && 'after' in page ? page.after : undefined;
  const options = { before, createdAt, includeArchived, limit: limit + 1 };
  const stored = after === undefined ? await readAgents(database.sql, options) : [];
  if (stored.length > limit) {
    const agents = stored.slice(0, limit);
    return { agents, next: { before: fromWireId('agent', agents.at(-1)!.id)! } };
  }
  const rest = listConfigAgents(config).filter(
    (agent) => agent.id > (after ?? '') && isWithin(agent.createdAt, createdAt),
  );
  const shown = rest.slice(0, limit - stored.length);
  const next = rest.length > shown.length ? { after: shown.at(-1)?.id ?? '' } : null;
  return { agents: [...stored, ...shown], next };
}

function isWithin(time: Date, { gt, gte, lt, lte }: TimeRange): boolean {
  return (
    (gt === undefined || time > gt) &&
    (gte === undefined || time >= gte) &&
    (lt === undefined || time < lt) &&
    (lte === undefined || time <= lte)
  );
}
