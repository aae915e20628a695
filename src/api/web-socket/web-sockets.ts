import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { LonghaulError } from '../../core/errors.ts';
import { guarded } from '../../core/guard.ts';
import { READER_STALL_MS } from '../../stream/timing.ts';
import { toProblem } from '../problem.ts';
import { closeSoon } from './close-soon.ts';
import { CLOSE_CODES } from './frames.ts';
import type { UpgradeBindings } from './upgrade.ts';

/** Maximum size of a message from a client. */
const MAX_MESSAGE_BYTES = 16_384;

const TOKEN_PROTOCOL = 'longhaul.token.';

interface WebSocketsOptions {
  /** The API, which decides who may open a WebSocket, and serves it. */
  readonly fetch: (request: Request, bindings: UpgradeBindings) => Response | Promise<Response>;
  /** Milliseconds that a client may leave sent frames unread. Defaults to 30 s. */
  readonly stallMs?: number;
}

/** The WebSockets of a server. */
export interface WebSockets {
  /** Handles an upgrade request, as `http.Server` emits it with `upgrade`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes the open WebSockets with the reason that the server stops. */
  close(): Promise<void>;
}

/**
 * Upgrades requests to WebSockets. Each goes through the API like any other request, which accepts the caller or
 * rejects the request with a problem document.
 */
export function createWebSockets({ fetch, stallMs = READER_STALL_MS }: WebSocketsOptions): WebSockets {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    autoPong: false,
    handleProtocols: chooseProtocol,
  });

  function accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
    const onEnd = guarded(() => reject(new LonghaulError('invalid_request', { message: 'The handshake failed.' })));
    socket.once('close', onEnd);
    server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', onEnd);
      // Its `close` event reports it.
      webSocket.on('error', () => {});
      resolve(webSocket);
    });
    return promise;
  }

  async function answer(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const asked = toRequest(request);
    if (asked === null) return refuse(socket, toProblemResponse('The request is not a WebSocket request.'));
    let isAccepted = false;
    const upgrade = {
      stallMs,
      accept: () => {
        isAccepted = true;
        return accept(request, socket, head);
      },
    };
    const response = await fetch(asked, { upgrade });
    if (isAccepted) return;
    if (!response.ok) return refuse(socket, response);
    await response.body?.cancel();
    await refuse(socket, toProblemResponse('There is no WebSocket at this path; connect to /v1/stream.'));
  }

  return {
    handleUpgrade(request, socket, head) {
      // The peer may disconnect before it gets an answer.
      socket.on('error', () => socket.destroy());
      answer(request, socket, head).catch(() => socket.destroy());
    },
    async close() {
      const closed = [...server.clients].map(
        (webSocket) =>
          new Promise<void>((resolve) => {
            webSocket.once('close', () => resolve());
            closeSoon(webSocket, { code: CLOSE_CODES.goingAway, reason: 'The server stops; reconnect.' });
          }),
      );
      await Promise.all(closed);
    },
  };
}

/** Converts the request for the API; null when it is not a WebSocket request, or cannot be read. */
function toRequest({ method, url, headers }: IncomingMessage): Request | null {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return null;
  const address = `http://${headers.host ?? 'localhost'}${url}`;
  if (!URL.canParse(address)) return null;
  const target = new URL(address);
  const token = toProtocols(headers['sec-websocket-protocol']).find((name) => name.startsWith(TOKEN_PROTOCOL));
  // Treated like a token in the URL, where API keys are not accepted either.
  if (token !== undefined) target.searchParams.set('token', token.slice(TOKEN_PROTOCOL.length));
  const fields = Object.entries(headers).filter((field): field is [string, string] => typeof field[1] === 'string');
  return new Request(target, { headers: fields });
}

function toProtocols(header: string | undefined): string[] {
  return header?.split(',').map((name) => name.trim()) ?? [];
}

/** Chooses one of the offered sub-protocols, because a browser closes the connection if none is chosen. */
function chooseProtocol(offered: Set<string>): string | false {
  if (offered.has('longhaul')) return 'longhaul';
  return [...offered].find((name) => name.startsWith(TOKEN_PROTOCOL)) ?? false;
}

function toProblemResponse(detail: string): Response {
  const problem = toProblem('invalid_request', { detail });
  return Response.json(problem, { status: problem.status, headers: { 'content-type': 'application/problem+json' } });
}

/** Responds to a request that does not become a WebSocket. */
async function refuse(socket: Duplex, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  const fields = [...response.headers].filter(([name]) => name !== 'content-length' && name !== 'transfer-encoding');
  const head = [
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
    'connection: close',
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
}
