import type { Context } from 'hono';
import { untilEnded } from '../../access/until-ended.ts';
import { guarded } from '../../core/guard.ts';
import { SEES_ALL } from '../../run/viewer.ts';
import { toFrameStream } from '../../stream/server-sent-events.ts';
import type { ManagedDeps, ManagedEnv } from '../deps.ts';
import { toPlaceId } from '../log/event-ids.ts';
import type { LogItem, ManagedEvent } from '../log/managed-event.ts';
import type { LoggedSession } from '../log/session-log.ts';
import { findManagedSession } from '../sessions/read-sessions.ts';
import { followSession, type Start } from './stream-events.ts';

/** A frame of a stream. Clients of every version show frames that are named `message`, and throw for `error`. */
interface Frame {
  readonly name: 'message' | 'error';
  /** The place to go on behind: an event's id. */
  readonly id: string | null;
  readonly data: object;
}

interface StreamOptions {
  readonly session: LoggedSession;
  readonly start: Start;
  /** True: pieces of texts are shown while they are written. */
  readonly hasPreviews: boolean;
}

/**
 * Answers with the events of a session as they happen. The stream ends without an error only when the session has ended.
 */
export function answerStream(context: Context<ManagedEnv>, deps: ManagedDeps, options: StreamOptions): Response {
  const credential = untilEnded(context.get('identity'));
  const gone = new AbortController();
  const signals = [context.req.raw.signal, credential.signal];
  const end = guarded(() => {
    for (const signal of signals) signal.removeEventListener('abort', end);
    credential.dispose();
    gone.abort();
  });
  for (const signal of signals) signal.addEventListener('abort', end);
  if (signals.some((signal) => signal.aborted)) end();
  const response = toFrameStream(toFrames(deps, options, { gone: gone.signal, revoked: credential.signal }), {
    toFrame: ({ name, id, data }) =>
      `${id === null ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`,
    onOver: end,
    onError: (err) => deps.log.error({ err, requestId: context.get('requestId') }, 'a stream of a session failed'),
  });
  response.headers.set('request-id', context.get('requestId'));
  return response;
}

interface Signals {
  /** Aborts when the client has gone, or may see the session no longer. */
  readonly gone: AbortSignal;
  readonly revoked: AbortSignal;
}

async function* toFrames(
  deps: ManagedDeps,
  { session, start, hasPreviews }: StreamOptions,
  { gone, revoked }: Signals,
): AsyncGenerator<readonly Frame[], void, void> {
  const { database, hub, isLeaving, log } = deps;
  const find = () => findManagedSession(database, { id: session.id, viewer: SEES_ALL });
  const previews = createPreviews();
  let hasEnded = false;
  const isOpen = async () => !isLeaving() && !hasEnded && (await find()) !== null;
  try {
    for await (const items of followSession({ database, hub, session, start, signal: gone, isOpen })) {
      const shown = items.flatMap((item) => previews(item, hasPreviews));
      hasEnded ||= shown.some(({ data }) => (data as ManagedEvent).type === 'session.status_terminated');
      yield shown;
      if (hasEnded) return;
    }
    if (revoked.aborted) yield [toError('authentication_error', 'The key is not valid any more.')];
    else if (gone.aborted) return;
    else if (isLeaving()) yield [toError('overloaded_error', 'The server stops. Open the stream again.')];
    else if ((await find()) === null) yield [toDeleted(session)];
    else yield [toError('overloaded_error', 'The stream was interrupted. Open it again.')];
  } catch (err) {
    log.warn({ err }, 'a stream of a session was interrupted');
    yield [toError('overloaded_error', 'The stream was interrupted. Open it again.')];
  }
}

function toDeleted({ id }: LoggedSession): Frame {
  const event = {
    id: toPlaceId({ turn: 0, runId: id }, 'deleted'),
    type: 'session.deleted',
    processed_at: new Date().toISOString(),
  };
  return { name: 'message', id: event.id, data: event };
}

function toError(type: string, message: string): Frame {
  return { name: 'error', id: null, data: { type: 'error', error: { type, message } } };
}

/**
 * Returns the frames of an item. A text that is being written begins with what a reader has missed of it, so that its
 * pieces are always the beginning of the whole text, which ends them.
 */
function createPreviews(): (item: LogItem, isShown: boolean) => Frame[] {
  const begun = new Set<string>();
  return (item, isShown) => {
    if ('event' in item) {
      begun.delete(item.event.id);
      return [{ name: 'message', id: item.event.id, data: item.event }];
    }
    if (!isShown) return [];
    const { eventId, soFar, text } = item.preview;
    const toDelta = (piece: string) => ({
      name: 'message' as const,
      id: null,
      data: {
        type: 'event_delta',
        event_id: eventId,
        delta: { type: 'content_delta', index: 0, content: { type: 'text', text: piece } },
      },
    });
    if (begun.has(eventId)) return [toDelta(text)];
    begun.add(eventId);
    const start = { type: 'event_start', event: { type: 'agent.message', id: eventId } };
    return [{ name: 'message', id: null, data: start }, toDelta(soFar + text)];
  };
}
