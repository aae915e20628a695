import { sql } from 'kysely';
import { maskSecretsIn } from '../../core/mask-secrets.ts';
import { toStorable } from '../../core/text.ts';
import { toTranscriptMessage, type TranscriptMessage } from '../../core/transcript-messages.ts';
import { HEALTH_AGENT } from '../../config/health-agent.ts';
import type { Database } from '../../db/database.ts';
import { isSeenBy, type Viewer } from '../viewer.ts';

/** A session: it belongs to one agent and, if its first run had them, to one user and team. */
export interface Session {
  readonly id: string;
  readonly agent: string;
  readonly user: string | null;
  readonly team: string | null;
  /** The team that the user belongs to; null: the user is the application's, or there is none. */
  readonly tenant: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The session that it is a fork of, which may have been deleted; null for none. */
  readonly forkedFrom: string | null;
}

const COLUMNS = ['id', 'agent', 'user_id', 'team', 'tenant', 'created_at', 'updated_at', 'forked_from'] as const;

/** Reads the sessions among these that exist and that the viewer may see, by id. */
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

/** Reads the session with this id; null when the viewer may see none. */
export async function findSession(
  database: Database,
  { sessionId, viewer }: { sessionId: string; viewer: Viewer },
): Promise<Session | null> {
  const [session = null] = (await findSessions(database, { sessionIds: [sessionId], viewer })).values();
  return session;
}

interface SessionFilter {
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  /** The session that the sessions were branched from. */
  readonly forkedFrom?: string | undefined;
}

interface ListOptions {
  readonly viewer: Viewer;
  readonly filter: SessionFilter;
  /** Sessions created before this one, by id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/**
 * Reads a page of the sessions that the viewer may see, newest first. Sessions of the health check appear only when its
 * agent is requested.
 */
export async function listSessions(
  database: Database,
  { viewer, filter: { agent, user, forkedFrom }, before, limit }: ListOptions,
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
  if (forkedFrom !== undefined) query = query.where('forked_from', '=', forkedFrom);
  const rows = await query.execute();
  return { sessions: rows.slice(0, limit).map(toSession), hasMore: rows.length > limit };
}

/** A message with the run that it belongs to. */
export interface SessionMessage extends TranscriptMessage {
  readonly runId: string;
}

/** Entries read at once: a transcript is read in pieces, however long it is. */
const ENTRIES_AT_ONCE = 100;

/** Characters after which a page ends, whatever its limit. */
const MOST_CHARACTERS = 500_000;

/**
 * Reads a page of a session's messages, oldest first, with everything masked that looks like a key. `nextCursor`
 * continues it; null on the last page.
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
