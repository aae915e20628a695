import { sql } from 'kysely';
import { maskSecretsIn } from '../core/mask-secrets.ts';
import { toStorable } from '../core/text.ts';
import { toTranscriptMessage, type TranscriptMessage } from '../core/transcript-messages.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import { isSeenBy, type Viewer } from './viewer.ts';

/** A conversation: it belongs to one agent and, where its first run was for one, to one user and team. */
export interface Session {
  readonly id: string;
  readonly agent: string;
  readonly user: string | null;
  readonly team: string | null;
  /** The team whose user it is; null: it is the application's, or nobody. */
  readonly tenant: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The conversation it is a branch of, which may be gone; null for none. */
  readonly forkedFrom: string | null;
}

const COLUMNS = ['id', 'agent', 'user_id', 'team', 'tenant', 'created_at', 'updated_at', 'forked_from'] as const;

/** Those of these conversations that there are and that the viewer may see, by id. */
export async function findSessions(
  database: Database,
  { sessionIds, viewer }: { sessionIds: readonly string[]; viewer: Viewer },
): Promise<Map<string, Session>> {
  if (sessionIds.length === 0) return new Map();
  const rows = await database.sql
    .selectFrom('longhaul.sessions')
    .select(COLUMNS)
    .where('id', '=', sql<string>`any(${sql.val([...sessionIds])}::uuid[])`)
    .where(isSeenBy(viewer))
    .execute();
  return new Map(rows.map((row) => [row.id, toSession(row)]));
}

/** The conversation with this id; null when there is none, or none that the viewer may see. */
export async function findSession(
  database: Database,
  { sessionId, viewer }: { sessionId: string; viewer: Viewer },
): Promise<Session | null> {
  const [session = null] = (await findSessions(database, { sessionIds: [sessionId], viewer })).values();
  return session;
}

interface ListOptions {
  readonly viewer: Viewer;
  readonly filter: { readonly agent?: string | undefined; readonly user?: string | undefined };
  /** Conversations begun before this one, by id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** A page of the conversations that the viewer may see, the one begun last first; those of the health check only where it is asked for. */
export async function listSessions(
  database: Database,
  { viewer, filter: { agent, user }, before, limit }: ListOptions,
): Promise<{ sessions: Session[]; hasMore: boolean }> {
  let query = database.sql
    .selectFrom('longhaul.sessions')
    .select(COLUMNS)
    .where(isSeenBy(viewer))
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (before !== undefined) query = query.where('id', '<', before);
  query = agent === undefined ? query.where('agent', '<>', HEALTH_AGENT) : query.where('agent', '=', agent);
  if (user !== undefined) query = query.where('user_id', '=', user);
  const rows = await query.execute();
  return { sessions: rows.slice(0, limit).map(toSession), hasMore: rows.length > limit };
}

/** A message with the run in which it was said. */
export interface SessionMessage extends TranscriptMessage {
  readonly runId: string;
}

/** Entries read at once: a conversation is read in pieces, however long it is. */
const ENTRIES_AT_ONCE = 100;

/** Beyond so many characters a page ends, whatever its limit. */
const MOST_CHARACTERS = 500_000;

/**
 * A page of what was said in a conversation, oldest first and with all masked that looks like a key. `nextCursor` continues
 * it; null when there is no more.
 */
export async function readTranscript(
  database: Database,
  { sessionId, after, limit }: { sessionId: string; after: number; limit: number },
): Promise<{ messages: SessionMessage[]; nextCursor: number | null }> {
  const messages: SessionMessage[] = [];
  let characters = 0;
  let cursor = after;
  for (;;) {
    const rows = await database.sql
      .selectFrom('longhaul.session_entries')
      .select(['position', 'run_id', 'entry'])
      .where('session_id', '=', sessionId)
      .where('subpath', '=', '')
      .where('position', '>', cursor)
      .orderBy('position')
      .limit(ENTRIES_AT_ONCE)
      .execute();
    for (const { position, run_id: runId, entry } of rows) {
      const message = toTranscriptMessage(entry);
      if (message !== null) {
        if (messages.length === limit || characters > MOST_CHARACTERS) return { messages, nextCursor: cursor };
        const { content } = message;
        const masked = { ...message, runId, content: toShown(content) as TranscriptMessage['content'] };
        messages.push(masked);
        characters += JSON.stringify(masked).length;
      }
      cursor = position;
    }
    if (rows.length < ENTRIES_AT_ONCE) return { messages, nextCursor: null };
  }
}

function toShown(content: unknown): unknown {
  return maskSecretsIn(
    JSON.parse(JSON.stringify(content), (_, value: unknown) => (typeof value === 'string' ? toStorable(value) : value)),
  );
}

type Row = {
  id: string;
  agent: string;
  user_id: string | null;
  team: string | null;
  tenant: string | null;
  created_at: Date;
  updated_at: Date;
  forked_from: string | null;
};

function toSession({ id, agent, user_id, team, tenant, created_at, updated_at, forked_from }: Row): Session {
  return {
    id,
    agent,
    user: user_id,
    team,
    tenant,
    createdAt: created_at,
    updatedAt: updated_at,
    forkedFrom: forked_from,
  };
}
