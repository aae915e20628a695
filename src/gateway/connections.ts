import type { Socket } from 'node:net';
import { guarded } from '../core/guard.ts';

/** Maximum numbers of open connections. */
export interface ConnectionLimits {
  /** For the processes of one attempt, identified by their token. */
  readonly perLane: number;
  /** For connections that have not sent a request yet. */
  readonly unknown: number;
}

/**
 * Each connection uses a file descriptor of the worker, which has a limit for all its work. An attempt has at most 16
 * requests open; Claude Code was never seen to keep more connections than it has requests.
 */
export const CONNECTION_LIMITS: ConnectionLimits = { perLane: 32, unknown: 64 };

/** The connections to a gateway, limited so that no attempt uses up the worker's file descriptors. */
export interface Connections {
  /**
   * Adds a new connection; its first request identifies its owner. If too many connections have sent no request yet,
   * the oldest of them ends: a client sends its request as soon as it is connected, so the oldest will probably never
   * send one.
   */
  enter(socket: Socket): void;
  /** Assigns a connection to the `owner` of its request. Returns false when the owner has too many connections. */
  give(socket: Socket, owner: object): boolean;
  /** Ends the connections of an owner, after everything written to them is sent. */
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
