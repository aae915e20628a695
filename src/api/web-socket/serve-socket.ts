import type { WebSocket } from 'ws';
import { LonghaulError } from '../../core/errors.ts';
import { guarded } from '../../core/guard.ts';
import { toFieldErrors } from '../../core/validation.ts';
import type { Database } from '../../db/database.ts';
import { findRun } from '../../run/read/read-runs.ts';
import type { Viewer } from '../../run/viewer.ts';
import { followRun, followVisible } from '../../stream/cursor-events.ts';
import type { EventHub } from '../../stream/event-hub.ts';
import { createTurns } from '../../stream/turns.ts';
import { describe } from '../check-submission.ts';
import { streamMessageSchema } from '../contract.ts';
import { toProblem } from '../problem.ts';
import { runNotFound } from '../routes/run-id.ts';
import { closeSoon } from './close-soon.ts';
import { CLOSE_CODES } from './frames.ts';
import { keepAlive } from './keep-alive.ts';
import { createSocketWriter } from './socket-writer.ts';
import { createSubscriptions } from './subscriptions.ts';

/** Maximum number of pages that are read and not yet sent; other subscriptions are read after that. */
const PAGES_AT_ONCE = 8;

interface ServeOptions {
  readonly socket: WebSocket;
  readonly viewer: Viewer;
  readonly hub: EventHub;
  readonly database: Database;
  /** Milliseconds that the client may leave sent frames unread. */
  readonly stallMs: number;
  /** Aborts when the credential of the client is no longer valid. */
  readonly revoked: AbortSignal;
  readonly onError: (error: unknown) => void;
}

/**
 * Serves one client over a WebSocket: handles its messages one after the other, and sends the events of its
 * subscriptions. Resolves when the connection has closed. An invalid message is answered with an `error` frame and
 * changes nothing.
 */
export async function serveSocket(options: ServeOptions): Promise<void> {
  const { socket, viewer, hub, database, stallMs, revoked, onError } = options;
  const writer = createSocketWriter(socket, { stallMs });
  const turns = createTurns(PAGES_AT_ONCE);
  const subscriptions = createSubscriptions({
    writer,
    onFailure(error) {
      // The client reconnects to resume this and its other subscriptions.
      onError(error);
      closeSoon(socket, { code: CLOSE_CODES.failed, reason: 'A subscription failed; reconnect.' });
    },
  });
  let handling: Promise<unknown> = Promise.resolve();

  async function handle(text: string): Promise<unknown> {
    const message = parseMessage(text);
    switch (message.type) {
      case 'ping':
        return writer.send({ type: 'pong' });
      case 'unsubscribe':
        return subscriptions.close(message.id);
      case 'subscribe': {
        const { id, runId, after } = message;
        subscriptions.check(id);
        if (runId === undefined) {
          return subscriptions.open(id, (signal) =>
            followVisible(hub, { viewer, after: after ?? null, signal, turns }),
          );
        }
        if ((await findRun(database, { runId, viewer })) === null) throw runNotFound(runId);
        await writer.send({ type: 'subscribed', id, cursor: after ?? 0 });
        return subscriptions.open(id, (signal) => followRun(hub, { runId, after: after ?? 0, signal, turns }));
      }
    }
  }

  async function answerFailure(id: string | null, error: unknown): Promise<void> {
    if (error instanceof LonghaulError) {
      const { code, message: detail, errors } = error;
      await writer.send({ type: 'error', id, problem: toProblem(code, { detail, errors }) });
      return;
    }
    // Internal errors go to the log only.
    onError(error);
    await writer.send({ type: 'error', id, problem: toProblem('unavailable') });
  }

  const onMessage = guarded((data: Buffer, isBinary: boolean) => {
    const text = isBinary ? '' : data.toString('utf8');
    // The next message is read after this one was handled, so a client that sends without reading is not read either.
    socket.pause();
    handling = handling
      .then(() => handle(text))
      .catch((error: unknown) => answerFailure(findId(text), error))
      .finally(() => socket.resume());
  }, onError);
  socket.on('message', onMessage);

  const stopAlive = keepAlive(socket, { isBusy: () => writer.isBusy });
  const onRevoked = guarded(() =>
    closeSoon(socket, { code: CLOSE_CODES.accessEnded, reason: 'The key or token is no longer valid.' }),
  );
  revoked.addEventListener('abort', onRevoked);
  if (revoked.aborted) onRevoked();
  try {
    await untilClosed(socket);
  } finally {
    revoked.removeEventListener('abort', onRevoked);
    stopAlive();
    writer.stop();
    subscriptions.abortAll();
    await handling;
    await subscriptions.closed();
  }
}

function parseMessage(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LonghaulError('invalid_json', { message: 'The message is not valid JSON text.', cause });
  }
  const parsed = streamMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = toFieldErrors(parsed.error, value);
  throw new LonghaulError('invalid_request', { message: describe(errors), errors });
}

/** Returns the subscription id of an invalid message, for the response to it. */
function findId(text: string): string | null {
  try {
    const { id } = JSON.parse(text) as { id?: unknown };
    return typeof id === 'string' && id.length <= 64 ? id : null;
  } catch {
    return null; // The text is not JSON, or null, and has no id.
  }
}

function untilClosed(socket: WebSocket): Promise<void> {
  if (socket.readyState === socket.CLOSED) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
