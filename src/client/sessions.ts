import type { Message, AcceptedRunResource, SessionResource, SessionSummaryResource } from '../api/contract.ts';
import { postOnce } from './json-body.ts';
import type { Transport } from './transport.ts';

/** Selects the sessions to list. All given conditions apply. */
export interface SessionFilter {
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  /** Session that the sessions were branched from. */
  readonly forkedFrom?: string | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Sessions per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface SessionPage {
  /** Newest first. */
  readonly data: SessionSummaryResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Selects the part of a session to read. */
export interface SessionQuery {
  /** The `nextCursor` of an earlier page's `runs`. */
  readonly runsCursor?: string | undefined;
  /** The `nextCursor` of an earlier page's `messages`. */
  readonly after?: number | undefined;
  /** Runs, and messages, per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

/** Methods for sessions. */
export interface SessionMethods {
  /**
   * Sends a message to a run's session. It becomes a new run, or, if the agent's policy is `steer` and the run is
   * running, a message of that run. Repeated with the same `idempotencyKey` it returns the same answer.
   */
  sendMessage(
    runId: string,
    message: Message,
    options?: { idempotencyKey?: string | undefined },
  ): Promise<AcceptedRunResource>;
  /** Reads a session: its runs, newest first, and its messages, oldest first, one page at a time. */
  session(id: string, query?: SessionQuery): Promise<SessionResource>;
  /** Lists sessions, newest first, one page at a time. */
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
