import type { AgentDefinition } from '../../core/agent-definition.ts';
import type { Database } from '../../db/database.ts';

/** Reads the definition of the agent that a client has given a session; null when the session has none. */
export async function findDefinition(database: Database, sessionId: string): Promise<AgentDefinition | null> {
  const row = await database.sql
    .selectFrom('longhaul.managed_sessions')
    .select('definition')
    .where('id', '=', sessionId)
    .executeTakeFirst();
  return (row?.definition ?? null) as AgentDefinition | null;
}
