import { LonghaulError } from '../../core/errors.ts';
import type { CursorEvents } from '../../stream/cursor-events.ts';
import { createLagReport } from '../../stream/lag-report.ts';
import type { EventResource } from '../contract.ts';
import { fieldError } from '../problem.ts';
import type { SocketWriter } from './socket-writer.ts';

/** Maximum number of open subscriptions per connection. */
const MAX_SUBSCRIPTIONS = 100;

/** The open subscriptions of a connection, by the names that the client chose. */
export interface Subscriptions {
  /**
   * Checks that the client may subscribe with this name.
   * @throws {LonghaulError} `invalid_request` for a name in use, `conflict` when there are too many.
   */
  check(id: string): void;
  /** Sends the events of `follow` until they end or the subscription is closed. */
  open(id: string, follow: (signal: AbortSignal) => CursorEvents): void;
  /**
   * Closes a subscription. Resolves when its last frame was sent.
   * @throws {LonghaulError} `invalid_request` for an unknown name.
   */
  close(id: string): Promise<void>;
  /** Tells all subscriptions to close, without waiting for them. */
  abortAll(): void;
  /** Resolves when every subscription has closed. */
  closed(): Promise<void>;
}

interface Options {
  readonly writer: SocketWriter;
  /** Receives the failure of a subscription. */
  readonly onFailure: (error: unknown) => void;
}

/** Creates the subscriptions of a connection. */
export function createSubscriptions({ writer, onFailure }: Options): Subscriptions {
  const open = new Map<string, { readonly controller: AbortController; readonly pumping: Promise<void> }>();

  async function pump(id: string, source: CursorEvents, signal: AbortSignal): Promise<void> {
    try {
      if (!(await sendEvents(writer, { id, source, signal }))) return;
      open.delete(id);
      await writer.send({ type: 'end', id });
    } catch (error) {
      onFailure(error);
    }
  }

  return {
    check(id) {
      if (open.has(id)) throw fieldError('id', 'names a subscription that exists already');
      if (open.size >= MAX_SUBSCRIPTIONS) throw tooMany();
    },
    open(id, follow) {
      const controller = new AbortController();
      const pumping = pump(id, follow(controller.signal), controller.signal);
      open.set(id, { controller, pumping });
    },
    async close(id) {
      const subscription = open.get(id);
      if (subscription === undefined) throw fieldError('id', 'names no subscription');
      subscription.controller.abort();
      await subscription.pumping;
    },
    abortAll() {
      for (const { controller } of open.values()) controller.abort();
    },
    async closed() {
      await Promise.all([...open.values()].map(({ pumping }) => pumping));
    },
  };
}

interface SendOptions {
  readonly id: string;
  readonly source: CursorEvents;
  readonly signal: AbortSignal;
}

/** Sends the events of a source. Returns false when the connection has closed. */
async function sendEvents(writer: SocketWriter, { id, source, signal }: SendOptions): Promise<boolean> {
  const reportLag = createLagReport('websocket');
  let isBegun = false;
  for await (const batch of source) {
    reportLag(batch);
    for (const { cursor, event } of batch) {
      if (signal.aborted) break;
      if (event === null && isBegun) continue;
      isBegun = true;
      const isOpen =
        event === null
          ? await writer.send({ type: 'subscribed', id, cursor })
          : await writer.send({ type: 'event', id, cursor, event: event as EventResource });
      if (!isOpen) return false;
    }
  }
  return true;
}

function tooMany(): LonghaulError {
  return new LonghaulError('conflict', {
    message: `This connection has ${MAX_SUBSCRIPTIONS} subscriptions, which is the maximum. Unsubscribe from one, or follow all runs with one subscription.`,
  });
}
