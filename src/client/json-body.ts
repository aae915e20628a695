import type { RequestOptions } from './transport.ts';

/** A request with a JSON body. */
export function jsonBody(method: 'POST' | 'PUT' | 'PATCH', body: unknown): RequestOptions {
  return { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/**
 * A request to post that has its effect once, however often it is sent: under the caller's key, or one of its own. Without
 * a body where there is none.
 */
export function postOnce(body: unknown, idempotencyKey: string = createIdempotencyKey()): RequestOptions {
  const { headers, ...rest } = body === undefined ? { method: 'POST', headers: {} } : jsonBody('POST', body);
  return { ...rest, headers: { ...headers, 'idempotency-key': idempotencyKey } };
}

/** Not `crypto.randomUUID`, which pages have over HTTPS alone. */
function createIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
