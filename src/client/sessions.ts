import type { Message, AcceptedRunResource, SessionResource, SessionSummaryResource } from '../api/contract.ts';
import { postOnce } from './json-body.ts';
import type { Transport } from './transport.ts';

/** Which sessions to list. Every part that is given has to hold. */
export interface SessionFilter {
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Sessions in a page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface SessionPage {
  /** The one begun last first. */
  readonly data: SessionSummaryResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Which part of a session to read. */
export interface SessionQuery {
  /** The `nextCursor` of an earlier page's `runs`. */
  readonly runsCursor?: string | undefined;
  /** The `nextCursor` of an earlier page's `messages`. */
  readonly after?: number | undefined;
  /** Runs, and messages, in a page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

/** What a client does with conversations. */
export interface SessionMethods {
  /**
   * Says something to a run's conversation: a new run, or, where its agent is steered and the run is at work, that run.
   * Repeated with the same `idempotencyKey` it answers the same.
   */
  sendMessage(
    runId: string,
    message: Message,
    options?: { idempotencyKey?: string | undefined },
  ): Promise<AcceptedRunResource>;
  /** Reads a session: its runs, newest first, and what was said, oldest first, a page at a time. */
  session(id: string, query?: SessionQuery): Promise<SessionResource>;
  /** Lists sessions, the one begun last first, a page at a time. */
  sessions(filter?: SessionFilter): Promise<SessionPage>;
}

export function createSessionMethods({ requestJson, toQuery }: Transport): SessionMethods {
  return {
    sendMessage: (runId, message, { idempotencyKey } = {}) =>
      requestJson(`/v1/runs/${encodeURIComponent(runId)}/messages`, postOnce(message, idempotencyKey)),
    session: (id, query = {}) => requestJson(`/v1/sessions/${encodeURIComponent(id)}${toQuery({ ...query })}`),
    sessions: (filter = {}) => requestJson(`/v1/sessions${toQuery({ ...filter })}`),
  };
}
