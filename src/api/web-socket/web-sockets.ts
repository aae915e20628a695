import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { LonghaulError } from '../../core/errors.ts';
import { guarded } from '../../core/guard.ts';
import { READER_STALL_MS } from '../../stream/server-sent-events.ts';
import { toProblem } from '../problem.ts';
import { closeSoon } from './close-soon.ts';
import { CLOSE_CODES } from './frames.ts';
import type { UpgradeBindings } from './upgrade.ts';

/** No message of a reader's is longer. */
const MAX_MESSAGE_BYTES = 16_384;

const TOKEN_PROTOCOL = 'longhaul.token.';

interface WebSocketsOptions {
  /** The API: it says who may have a WebSocket, and serves it. */
  readonly fetch: (request: Request, bindings: UpgradeBindings) => Response | Promise<Response>;
  /** How long a reader may take nothing of what it was sent. Defaults to 30 s. */
  readonly stallMs?: number;
}

/** The WebSockets of a server. */
export interface WebSockets {
  /** Takes over a request that asks to go on as another protocol, as `http.Server` emits it with `upgrade`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends the open ones, and says that the server goes away. */
  close(): Promise<void>;
}

/**
 * Makes WebSockets of requests. Each goes through the API like any other request, which lets its caller in or refuses
 * it with a problem document.
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
      // Heard of by its close.
      webSocket.on('error', () => {});
      resolve(webSocket);
    });
    return promise;
  }

  async function answer(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const asked = toRequest(request);
    if (asked === null) return refuse(socket, toProblemResponse('The request is not one for a WebSocket.'));
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
    await refuse(socket, toProblemResponse('There is no WebSocket at this address; it is at /v1/stream.'));
  }

  return {
    handleUpgrade(request, socket, head) {
      // A peer that goes away before it was answered.
      socket.on('error', () => socket.destroy());
      answer(request, socket, head).catch(() => socket.destroy());
    },
    async close() {
      const closed = [...server.clients].map(
        (webSocket) =>
          new Promise<void>((resolve) => {
            webSocket.once('close', () => resolve());
            closeSoon(webSocket, { code: CLOSE_CODES.goingAway, reason: 'The server stops; come again.' });
          }),
      );
      await Promise.all(closed);
    },
  };
}

/** The request as the API takes it; null when it is not one for a WebSocket, or cannot be read. */
function toRequest({ method, url, headers }: IncomingMessage): Request | null {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return null;
  const address = `http://${headers.host ?? 'localhost'}${url}`;
  if (!URL.canParse(address)) return null;
  const target = new URL(address);
  const token = toProtocols(headers['sec-websocket-protocol']).find((name) => name.startsWith(TOKEN_PROTOCOL));
  // As if it stood in the address: there no key is taken either.
  if (token !== undefined) target.searchParams.set('token', token.slice(TOKEN_PROTOCOL.length));
  const fields = Object.entries(headers).filter((field): field is [string, string] => typeof field[1] === 'string');
  return new Request(target, { headers: fields });
}

function toProtocols(header: string | undefined): string[] {
  return header?.split(',').map((name) => name.trim()) ?? [];
}

/** A browser gives up when none of those it offers is chosen. */
function chooseProtocol(offered: Set<string>): string | false {
  if (offered.has('longhaul')) return 'longhaul';
  return [...offered].find((name) => name.startsWith(TOKEN_PROTOCOL)) ?? false;
}

function toProblemResponse(detail: string): Response {
  const problem = toProblem('invalid_request', { detail });
  return Response.json(problem, { status: problem.status, headers: { 'content-type': 'application/problem+json' } });
}

/** Answers a request that does not become a WebSocket. */
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
