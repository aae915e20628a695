import { sql } from 'kysely';
import type { Micros } from '../../core/money.ts';
import type { PromptPart } from '../../core/prompt-parts.ts';
import type { Database } from '../../db/database.ts';
import { toMessage } from './message-event.ts';
import type { LogItem, Usage } from './managed-event.ts';
import type { Turn } from './turn.ts';
import { fromWireBudget, type WireBudget } from './wire-budget.ts';

/** SQL: the figures of runs as JSON; an aggregate over them. */
export const USAGE = sql`json_build_object(
  'inputTokens', coalesce(sum(input_tokens), 0), 'outputTokens', coalesce(sum(output_tokens), 0),
  'cacheReadTokens', coalesce(sum(cache_read_tokens), 0), 'cacheCreationTokens', coalesce(sum(cache_creation_tokens), 0),
  'cacheCreation1hTokens', coalesce(sum((
    select sum((usage.value ->> 'cacheCreation1hTokens')::bigint) from json_each(model_usage) as usage)), 0),
  'costMicros', coalesce(sum(cost_micros), 0), 'activeMs', coalesce(sum(duration_ms), 0))`;

/** Reads the first turn of a session from this number on; null: there is none yet. */
export async function findTurn(
  database: Database,
  { sessionId, turn, before }: { sessionId: string; turn: number; before: Usage },
): Promise<Turn | null> {
  const { rows } = await sql<Omit<Turn, 'before'>>`
    select id as "runId", session_turn as turn, prompt, parts, started_at as "startedAt", finished_at as "finishedAt",
           ends_idle as "endsIdle", event_seq as "lastSeq", ${USAGE} as own
      from longhaul.runs
     where id = (select id from longhaul.runs
                  where session_id = ${sessionId} and session_turn >= ${turn} order by session_turn limit 1)
     group by id`.execute(database.sql);
  return rows[0] === undefined ? null : { ...rows[0], before };
}

/** Reads the figures of a session's turns before this one, its budget, and whether the session is idle before it. */
export async function readBefore(
  database: Database,
  { sessionId, turn }: { sessionId: string; turn: number },
): Promise<{ readonly usage: Usage; readonly isIdle: boolean; readonly budgetMicros: Micros | null }> {
  const { rows } = await sql<{
    usage: Usage;
    isIdle: boolean | null;
    initial: Micros | null;
    changed: readonly [WireBudget | null] | null;
  }>`
    select ${USAGE} as usage,
           (select initial_budget_micros from longhaul.managed_sessions where id = ${sessionId}) as initial,
           (select json_build_array(data -> 'budget') from longhaul.managed_notes
             where session_id = ${sessionId} and turn < ${turn} and type = 'session.updated'
               and data -> 'budget' is not null
             order by position desc limit 1) as changed,
           (select ends_idle from longhaul.runs
             where session_id = ${sessionId} and session_turn < ${turn} order by session_turn desc limit 1) as "isIdle"
      from longhaul.runs where session_id = ${sessionId} and session_turn < ${turn}`.execute(database.sql);
  const { usage, isIdle, initial, changed } = rows[0]!;
  const budgetMicros = changed === null ? initial : fromWireBudget(changed[0]);
  return { usage, isIdle: isIdle ?? true, budgetMicros };
}

/** The end of a session's log as it is now. */
export interface Edge {
  /** The turn in progress, or the last; 0: there is none. */
  readonly turn: number;
  /** The number of the last event of that turn's run. */
  readonly seq: number;
  /** The position of the last note; 0 for none. */
  readonly note: number;
}

export async function readEdge(database: Database, sessionId: string): Promise<Edge> {
  const { rows } = await sql<Edge>`
    select coalesce(run.turn, 0) as turn, coalesce(run.seq, 0) as seq,
           coalesce((select max(position) from longhaul.managed_notes where session_id = ${sessionId}), 0)::float8 as note
      from (values (1)) as one
      left join lateral (
        (select 1 as rank, session_turn as turn, event_seq as seq from longhaul.runs
          where session_id = ${sessionId} and finished_at is null order by session_turn limit 1)
        union all
        (select 2, session_turn, event_seq from longhaul.runs
          where session_id = ${sessionId} order by session_turn desc limit 1)
        order by rank limit 1) as run on true`.execute(database.sql);
  return rows[0]!;
}

/** Reads the messages of a session that wait: those of later turns, and the ones the running run has not taken up. */
export async function readWaiting(
  database: Database,
  { sessionId, afterTurn }: { sessionId: string; afterTurn: number },
): Promise<LogItem[]> {
  const { rows } = await sql<{ id: string; prompt: string; parts: readonly PromptPart[] | null }>`
    select id, prompt, parts, created_at from longhaul.runs
     where session_id = ${sessionId} and session_turn > ${afterTurn} and finished_at is null and started_at is null
    union all
    select message.id, message.prompt, message.parts, message.created_at
      from longhaul.messages as message
      join longhaul.runs as run on run.id = message.run_id
     where run.session_id = ${sessionId} and run.finished_at is null and not message.is_told
     order by created_at, id`.execute(database.sql);
  return rows.map(({ id, ...message }) => toMessage(id, message, null));
}

/** Finds the turn that an event with a row belongs to; null when this session has none. */
export async function findTurnOfRow(
  database: Database,
  { sessionId, rowId }: { sessionId: string; rowId: string },
): Promise<number | null> {
  const { rows } = await sql<{ turn: number }>`
    select session_turn as turn from longhaul.runs where id = ${rowId} and session_id = ${sessionId}
    union all
    select run.session_turn from longhaul.messages as message join longhaul.runs as run on run.id = message.run_id
     where message.id = ${rowId} and run.session_id = ${sessionId}
    union all
    select run.session_turn from longhaul.approvals as approval join longhaul.runs as run on run.id = approval.run_id
     where approval.id = ${rowId} and run.session_id = ${sessionId}
    union all
    select turn from longhaul.managed_notes where id = ${rowId} and session_id = ${sessionId}
    limit 1`.execute(database.sql);
  return rows[0]?.turn ?? null;
}
