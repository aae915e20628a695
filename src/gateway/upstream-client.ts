import http from 'node:http';
import https from 'node:https';
import type { Endpoint } from './endpoint.ts';
import { toUpstreamHeaders } from './headers.ts';
import type { Upstream } from './upstream.ts';

/** Sends requests on to the provider, over connections that are kept. */
export interface UpstreamClient {
  /**
   * Resolves with the answer as soon as its headers are there. Rejects when there is none, and when `signal` aborts;
   * an abort later on breaks the answer off.
   */
  send(request: OutgoingRequest): Promise<http.IncomingMessage>;
  /** `bytes` without the provider's credentials, should it have repeated them. */
  redact(bytes: Buffer): Buffer;
  close(): void;
}

interface OutgoingRequest {
  readonly endpoint: Endpoint;
  readonly headers: http.IncomingHttpHeaders;
  /** In parts, so that one of which little is changed need not be copied. */
  readonly body: readonly Buffer[];
  readonly signal: AbortSignal;
}

export function createUpstreamClient({ baseUrl, headers: credentials }: Upstream): UpstreamClient {
  const base = new URL(baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const transport = base.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true });
  const secrets = Object.values(credentials).map((value) => value.replace(/^Bearer /, ''));

  function send(outgoing: OutgoingRequest): Promise<http.IncomingMessage> {
    const { endpoint, headers, body, signal } = outgoing;
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const request = transport.request({
      protocol: base.protocol,
      // An IPv6 address stands in brackets in a URL, and without them here.
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port,
      method: 'POST',
      path: prefix + endpoint.target,
      headers: toUpstreamHeaders({ received: headers, credentials, bodyBytes: countBytes(body) }),
      agent,
      signal,
    });
    let isAnswered = false;
    request.once('response', (answer) => {
      isAnswered = true;
      resolve(answer);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // A kept connection that the provider closed the moment we used it: nobody has seen the request.
      // https://nodejs.org/api/http.html#requestreusedsocket
      const isStale = request.reusedSocket && error.code === 'ECONNRESET' && !isAnswered && !signal.aborted;
      if (isStale) resolve(send(outgoing));
      else reject(error);
    });
    request.cork();
    for (const part of body) request.write(part);
    request.end();
    return promise;
  }

  return {
    send,
    redact(bytes) {
      // As latin1 every byte is one character, so what holds no secret comes out as it went in.
      const text = bytes.toString('latin1');
      return Buffer.from(
        secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text),
        'latin1',
      );
    },
    close: () => agent.destroy(),
  };
}

function countBytes(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
