import type { Socket } from 'node:net';
import type { Agent } from '../../config/config.ts';
import type { EventData } from '../../core/events.ts';
import type { SandboxNetwork } from './network.ts';
import type { ServerAddress } from './server-addresses.ts';

/** A connection of a process in a sandbox that ended, or was refused. */
export type SandboxConnection = EventData['agent.connection'];

/** The worker's services for the sandboxes of its processes. */
export interface SandboxHost {
  /** Returns a new network with the given ports on its loopback. */
  takeNetwork(ports: readonly number[]): Promise<SandboxNetwork>;
  /** Receives the connections of processes to the gateway. */
  acceptModelCall(socket: Socket): void;
  /** Opens the way out for a process of an agent. `onConnection` is called for each of its connections. */
  openGate(options: { readonly agent: Agent; readonly onConnection: (connection: SandboxConnection) => void }): {
    /** Receives the connections of the process to its proxy. */
    accept(socket: Socket): void;
    /** Receives the connections of the process to an MCP server of this machine. */
    passOn(socket: Socket, server: ServerAddress): void;
    /** Ends them; resolves when `onConnection` was called for each. */
    close(): Promise<void>;
  };
}
