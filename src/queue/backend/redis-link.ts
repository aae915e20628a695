import { createClient } from '@redis/client';
import { inTime } from './in-time.ts';

/** Time for a connection with its sign-in, in ms. */
const CONNECT_MS = 2_000;

/** A connection to Redis that is opened when it is needed, and opened again after any failure. */
export interface RedisLink {
  /** Sends a command. Rejects, and gives up the connection, when no reply comes within `withinMs`. */
  send(command: readonly string[], withinMs?: number): Promise<unknown>;
  /** The id of the connection at the server; null while none is open. */
  readonly id: string | null;
  close(): void;
}

/** Time for the reply to a command that does not wait, in ms. */
const REPLY_MS = 1_500;

/** A `CLIENT ID` that is not permitted costs nothing but the interruption of waits. */
export function createRedisLink(url: string, { needsId = false } = {}): RedisLink {
  let opening: Promise<Opened> | null = null;
  let id: string | null = null;
  let isClosed = false;

  async function open(): Promise<Opened> {
    const client: Opened & { connect(): Promise<unknown>; on(event: 'error', listener: () => void): unknown } =
      createClient({
        url,
        // The older protocol is spoken by every server; nothing here needs the newer.
        RESP: 2,
        maintNotifications: 'disabled',
        disableClientInfo: true,
        disableOfflineQueue: true,
        socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false },
      });
    // The command in progress gets the error too.
    client.on('error', () => {});
    try {
      await inTime(client.connect(), { withinMs: CONNECT_MS, what: 'A connection to Redis' });
      if (needsId) id = await readId(client);
      return client;
    } catch (error) {
      destroy(client);
      throw error;
    }
  }

  function drop(link: Promise<Opened>): void {
    if (opening !== link) return;
    opening = null;
    id = null;
    link.then(destroy, () => {});
  }

  return {
    async send(command, withinMs = REPLY_MS) {
      if (isClosed) throw new Error('The connection to Redis is closed.');
      const link = (opening ??= open());
      try {
        const client = await link;
        const what = `The reply of Redis to ${command[0]}`;
        return await inTime(client.sendCommand(command), { withinMs, what });
      } catch (error) {
        drop(link);
        throw error;
      }
    },
    get id() {
      return id;
    },
    close() {
      isClosed = true;
      if (opening !== null) drop(opening);
    },
  };
}

/** The part of the client that is used: its own type is as large as Redis. */
interface Opened {
  readonly isOpen: boolean;
  sendCommand(command: readonly string[]): Promise<unknown>;
  destroy(): void;
}

async function readId(client: Opened): Promise<string | null> {
  const reading = inTime(client.sendCommand(['CLIENT', 'ID']), { withinMs: REPLY_MS, what: 'CLIENT ID' });
  return reading.then(String, () => null);
}

function destroy(client: Opened): void {
  if (client.isOpen) client.destroy();
}
