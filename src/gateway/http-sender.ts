import http from 'node:http';
import https from 'node:https';
import { guarded } from '../core/guard.ts';
import { decodeAnswer, type HttpAnswer } from './decode-answer.ts';
import { createProxyAgent } from './proxy-agent.ts';

/** Posts to one address, over kept connections. */
export interface HttpSender {
  /** The address before `path`. */
  readonly base: URL;
  /**
   * Resolves with the answer as soon as its headers have arrived. Rejects when there is no answer, and when `signal`
   * aborts.
   */
  post(request: PostRequest): Promise<HttpAnswer>;
  close(): void;
}

interface PostRequest {
  /** Appended to the base's own path. */
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body: readonly Buffer[];
  readonly signal: AbortSignal;
  /** Called when the whole request was handed to the connection. */
  readonly onSent: () => void;
}

interface SenderOptions {
  readonly baseUrl: string;
  /** The proxy to use, or null. */
  readonly proxy: string | null;
}

/** Errors of a connection that the other side has closed. */
const CLOSED = new Set(['ECONNRESET', 'EPIPE']);

/**
 * Time after sending within which the end of a kept connection means that it was already closed: the news of it takes a
 * moment. Later, the provider may have processed the request, and sending it again by ourselves could be billed twice.
 */
const CLOSED_BEFORE_MS = 1_000;

export function createHttpSender({ baseUrl, proxy }: SenderOptions): HttpSender {
  const base = new URL(baseUrl);
  const prefix = toPrefix(base);
  const transport = base.protocol === 'https:' ? https : http;
  const agent =
    proxy === null ? new transport.Agent({ keepAlive: true }) : createProxyAgent({ protocol: base.protocol, proxy });

  function post(outgoing: PostRequest): Promise<HttpAnswer> {
    const { path, headers, body, signal, onSent } = outgoing;
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
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
      try {
        resolve(decodeAnswer(answer));
      } catch (error) {
        reject(error);
      }
    });
    let sentAt = Infinity;
    const onError = guarded((error: NodeJS.ErrnoException) => {
      // The provider closed a kept connection at the moment of its use, without having read the whole request. Each such
      // connection is used up, so this ends with a new connection.
      // https://nodejs.org/api/http.html#requestreusedsocket
      const isClosed = request.reusedSocket && CLOSED.has(error.code ?? '') && !isAnswered;
      const isUnread = isClosed && performance.now() - sentAt < CLOSED_BEFORE_MS;
      if (isUnread && !signal.aborted) resolve(post(outgoing));
      else reject(error);
    }, reject);
    const onFinish = guarded(() => {
      sentAt = performance.now();
      onSent();
    });
    request.once('response', onAnswer);
    request.once('finish', onFinish);
    request.on('error', onError);
    request.cork();
    for (const part of body) request.write(part);
    request.end();
    return promise;
  }

  return { base, post, close: () => agent.destroy() };
}

/** Returns the path of a base URL, without slashes at its end. */
export function toPrefix(base: URL): string {
  return base.pathname.replace(/\/+$/, '');
}

function countBytes(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
