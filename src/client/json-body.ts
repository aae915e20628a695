import type { RequestOptions } from './transport.ts';

/** Returns a request with a JSON body. */
export function jsonBody(method: 'POST' | 'PUT' | 'PATCH', body: unknown): RequestOptions {
  return { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/**
 * Returns a POST request that has its effect only once, however often it is sent: with the caller's key, or a new one.
 * It has no body if there is none.
 */
export function postOnce(body: unknown, idempotencyKey: string = createIdempotencyKey()): RequestOptions {
  const { headers, ...rest } = body === undefined ? { method: 'POST', headers: {} } : jsonBody('POST', body);
  return { ...rest, headers: { ...headers, 'idempotency-key': idempotencyKey } };
}

/** `crypto.randomUUID` is available to pages over HTTPS only. */
function createIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
