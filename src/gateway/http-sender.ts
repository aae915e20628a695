import http from 'node:http';
import https from 'node:https';
import { guarded } from '../core/guard.ts';

/** Posts to one address, over connections that are kept. */
export interface HttpSender {
  /** The address as it stands before `path`. */
  readonly base: URL;
  /** Resolves with the answer as soon as its headers are there. Rejects when there is none, and when `signal` aborts. */
  post(request: PostRequest): Promise<http.IncomingMessage>;
  close(): void;
}

interface PostRequest {
  /** Appended to the base's own path. */
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body: readonly Buffer[];
  readonly signal: AbortSignal;
}

export function createHttpSender(baseUrl: string): HttpSender {
  const base = new URL(baseUrl);
  const prefix = toPrefix(base);
  const transport = base.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true });

  function post(outgoing: PostRequest): Promise<http.IncomingMessage> {
    const { path, headers, body, signal } = outgoing;
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const request = transport.request({
      protocol: base.protocol,
      // An IPv6 address stands in brackets in a URL, and without them here.
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port,
      method: 'POST',
      path: prefix + path,
      headers: { ...headers, 'content-length': countBytes(body) },
      agent,
      signal,
    });
    let isAnswered = false;
    const onAnswer = guarded((answer: http.IncomingMessage) => {
      isAnswered = true;
      resolve(answer);
    });
    const onError = guarded((error: NodeJS.ErrnoException) => {
      // A kept connection that the provider closed the moment we used it: nobody has seen the request.
      // https://nodejs.org/api/http.html#requestreusedsocket
      const isStale = request.reusedSocket && error.code === 'ECONNRESET' && !isAnswered && !signal.aborted;
      if (isStale) resolve(post(outgoing));
      else reject(error);
    }, reject);
    request.once('response', onAnswer);
    request.on('error', onError);
    request.cork();
    for (const part of body) request.write(part);
    request.end();
    return promise;
  }

  return { base, post, close: () => agent.destroy() };
}

/** The path of a base URL, without slashes at its end. */
export function toPrefix(base: URL): string {
  return base.pathname.replace(/\/+$/, '');
}

function countBytes(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
