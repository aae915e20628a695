import type { lookup, LookupAddress, LookupOptions } from 'node:dns';
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { RequestError, Server } from 'proxy-chain';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import type { EgressConnection, RefusalReason } from './connection.ts';
import { createEgressRules, type EgressRulesOptions } from './egress-rules.ts';

/** The way out of all sandboxes of a worker: an HTTP proxy that listens nowhere, and is given its connections. */
export interface Egress {
  /** Opens the gate of one process. */
  open(options: GateOptions): EgressGate;
  close(): void;
}

export interface GateOptions extends EgressRulesOptions {
  /** Called for each connection, when it has ended or was refused. */
  readonly onConnection: (connection: EgressConnection) => void;
}

export interface EgressGate {
  /** Takes over a connection of the process. */
  accept(socket: Socket): void;
  /** Takes over a connection to a server of the configuration, which the process reaches without the proxy. */
  passOn(socket: Socket, server: Target): void;
  /** Ends its connections; resolves when `onConnection` was called for each. */
  close(): Promise<void>;
}

/** The host and port of a server. IPv6 addresses have no brackets. */
interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * Each connection uses two of the worker's file descriptors. As many more are read, and refused once they name a host; any
 * further connection is closed unread.
 */
const MOST_AT_ONCE = 64;
/** Each connection is an event of the run. */
const MOST_IN_ALL = 10_000;

interface Gate {
  readonly options: GateOptions;
  readonly judge: ReturnType<typeof createEgressRules>;
  /** Its connections to web servers without TLS: never those of another process, whose rules may differ. */
  readonly httpAgent: HttpAgent;
  readonly sockets: Set<Socket>;
  /** Its connections that were accepted beyond the most at once. */
  readonly excess: Set<Socket>;
  /** The number of connections that it has made in all. */
  count: number;
}

/** A connection whose destination is known. */
interface Open extends Target {
  readonly gate: Gate;
}

export function createEgress({ log }: { log: Logger }): Egress {
  const gates = new WeakMap<Socket, Gate>();
  const open = new Map<number, Open>();

  async function prepare(request: IncomingMessage, connectionId: number, destination: Target) {
    const gate = gates.get(request.socket);
    if (gate === undefined) throw new RequestError('This connection belongs to no agent.', 403);
    const { host, port } = destination;
    const excess = refuseExcess(gate, request.socket, destination);
    if (excess !== null) throw new RequestError(`${excess}\n`, 403);
    const judgement = await gate.judge(host, port);
    if ('refusal' in judgement) {
      reportRefusal(gate, destination, judgement.refusal.reason);
      throw new RequestError(`${judgement.refusal.words}\n`, 403);
    }
    // Its end was reported while the host was looked up: no further report would come.
    if (request.socket.destroyed) throw new RequestError('The client has gone.\n', 499);
    open.set(connectionId, { gate, host, port });
    return { dnsLookup: pinTo(judgement.addresses), httpAgent: gate.httpAgent };
  }

  const proxy = new Server({
    prepareRequestFunction: ({ request, connectionId, hostname, port }) =>
      prepare(request, connectionId, { host: toHost(hostname), port }),
  });
  // A single request for each connection: its event then belongs to one host.
  proxy.server.maxRequestsPerSocket = 1;
  proxy.on(
    'requestFailed',
    guarded(({ error }: { error: unknown }) =>
      log.warn({ cause: toMessage(error) }, 'a connection of an agent failed'),
    ),
  );
  proxy.on(
    'connectionClosed',
    guarded(({ connectionId, stats }: { connectionId: number; stats: { trgTxBytes: number; trgRxBytes: number } }) => {
      const ended = open.get(connectionId);
      if (ended === undefined) return;
      open.delete(connectionId);
      const { gate, host, port } = ended;
      const { trgTxBytes: sentBytes, trgRxBytes: receivedBytes } = stats;
      gate.options.onConnection({
        host,
        port,
        decision: 'allowed',
        sentBytes: sentBytes ?? 0,
        receivedBytes: receivedBytes ?? 0,
      });
    }),
  );

  return {
    open(options) {
      const gate = createGate(options);
      return {
        accept(socket) {
          if (!hold(gate, socket)) return;
          gates.set(socket, gate);
          proxy.server.emit('connection', socket);
        },
        passOn(socket, server) {
          if (!hold(gate, socket)) return;
          if (refuseExcess(gate, socket, server) === null) passOn(gate, socket, server);
          else socket.destroy();
        },
        async close() {
          const sockets = [...gate.sockets, ...gate.excess];
          const closed = sockets.map((socket) => untilClosed(socket));
          for (const socket of sockets) socket.destroy();
          await Promise.all(closed);
        },
      };
    },
    close() {
      proxy.closeConnections();
    },
  };
}

function createGate(options: GateOptions): Gate {
  return {
    options,
    judge: createEgressRules(options),
    httpAgent: new HttpAgent({ keepAlive: false }),
    sockets: new Set(),
    excess: new Set(),
    count: 0,
  };
}

/**
 * Holds a connection of the gate until it has closed, or closes it where there are too many. Decides now which ones are
 * refused: of connections that are opened together, all are accepted before the first names a host.
 */
function hold({ sockets, excess }: Gate, socket: Socket): boolean {
  const held = [sockets, excess].find(({ size }) => size < MOST_AT_ONCE);
  if (held === undefined) {
    socket.destroy();
    return false;
  }
  held.add(socket);
  socket.once(
    'close',
    guarded(() => held.delete(socket)),
  );
  return true;
}

/**
 * Counts a connection whose destination is known. Returns null, or the reason, in words, for which it is refused as one
 * too many. Reports the refusal, except after the last connection that is an event.
 */
function refuseExcess(gate: Gate, socket: Socket, target: Target): string | null {
  gate.count += 1;
  if (gate.count > MOST_IN_ALL) return 'This agent has made too many connections.';
  const isLast = gate.count === MOST_IN_ALL;
  if (!isLast && !gate.excess.has(socket)) return null;
  reportRefusal(gate, target, 'too_many');
  if (isLast) return `This agent has made ${MOST_IN_ALL} connections.`;
  return `This agent has ${MOST_AT_ONCE} connections open: close some first.`;
}

function reportRefusal({ options }: Gate, { host, port }: Target, reason: RefusalReason): void {
  options.onConnection({ host, port, decision: 'refused', reason, sentBytes: 0, receivedBytes: 0 });
}

function passOn({ options }: Gate, socket: Socket, { host, port }: Target): void {
  const upstream = connect({ host, port });
  upstream.on('error', () => socket.destroy());
  socket.on('error', () => upstream.destroy());
  const onClose = guarded(() => {
    upstream.destroy();
    const { bytesWritten: sentBytes, bytesRead: receivedBytes } = upstream;
    options.onConnection({ host, port, decision: 'allowed', sentBytes, receivedBytes });
  });
  socket.on('close', onClose);
  socket.pipe(upstream).pipe(socket);
}

function untilClosed(socket: Socket): Promise<void> {
  // Registered last: the proxy has then reported the end of the connection.
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Returns a host in plain notation: lower case, no brackets, no dot at its end. */
function toHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** Returns a lookup that knows only the addresses that were judged. */
function pinTo(addresses: readonly LookupAddress[]): typeof lookup {
  const [first] = addresses;
  const pinned = (_: string, { all }: LookupOptions, callback: LookupCallback) => {
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
  // The system's function has further forms, which Node's own clients do not use.
  return pinned as typeof lookup;
}
