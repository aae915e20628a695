import type { Socket } from 'node:net';
import { guarded } from '../core/guard.ts';

/** How many connections may be open at once. */
export interface ConnectionLimits {
  /** Of one attempt's processes, known by their token. */
  readonly perLane: number;
  /** Of those that have not said yet whose they are. */
  readonly unknown: number;
}

/**
 * Each holds a file descriptor of the worker, which has a limit of them for all it does. An attempt has 16 requests open
 * at most; Claude Code was never seen to keep more connections than it has requests.
 */
export const CONNECTION_LIMITS: ConnectionLimits = { perLane: 32, unknown: 64 };

/** The connections to a gateway, within bounds, so that no attempt takes the worker's file descriptors. */
export interface Connections {
  /**
   * Takes in a new connection. Whose it is, its first request tells. Where too many have not told yet, the oldest of
   * them ends: a client sends its request as soon as it is connected, so it is one that means to say nothing.
   */
  enter(socket: Socket): void;
  /** A request of `owner` came over it; false when the owner has as many connections as it may. */
  give(socket: Socket, owner: object): boolean;
  /** Ends those of an owner, when what was said to them is sent. */
  endOf(owner: object): void;
}

export function createConnections({ perLane, unknown: mostUnknown }: ConnectionLimits): Connections {
  /** Oldest first. */
  const unknown = new Set<Socket>();
  const owned = new Map<object, Set<Socket>>();

  function forget(socket: Socket): void {
    unknown.delete(socket);
    for (const [owner, sockets] of owned) {
      if (sockets.delete(socket) && sockets.size === 0) owned.delete(owner);
    }
  }

  return {
    enter(socket) {
      unknown.add(socket);
      socket.once(
        'close',
        guarded(() => forget(socket)),
      );
      if (unknown.size <= mostUnknown) return;
      const [oldest] = unknown;
      if (oldest === undefined) return;
      unknown.delete(oldest);
      oldest.destroy();
    },
    give(socket, owner) {
      const sockets = owned.get(owner) ?? new Set();
      if (sockets.has(socket)) return true;
      if (sockets.size >= perLane) return false;
      forget(socket);
      owned.set(owner, sockets.add(socket));
      return true;
    },
    endOf(owner) {
      for (const socket of owned.get(owner) ?? []) socket.destroySoon();
    },
  };
}
