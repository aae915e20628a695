import type { RunResource } from '../api/contract.ts';

/** The content of a webhook. */
export interface WebhookMessage {
  readonly type: 'run.succeeded' | 'run.failed' | 'run.cancelled' | 'run.waiting' | 'webhook.test' | (string & {});
  /** Time of the event: ISO 8601. */
  readonly timestamp: string;
  readonly data: {
    /** The run, without its prompt. Missing in `webhook.test`. */
    readonly run?: Omit<RunResource, 'prompt'>;
    /** True when `result` or `structuredOutput` was too long to be sent whole. */
    readonly isTruncated?: boolean;
  };
}

/** The message is not from Longhaul, was changed on its way, or is too old. Answer `400`. */
export class LonghaulWebhookError extends Error {
  override readonly name = 'LonghaulWebhookError';
}

type HeaderSource = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Difference of clocks that Standard Webhooks allows. */
const TOLERANCE_SECONDS = 300;

/**
 * Verifies the signature of a webhook (Standard Webhooks) and returns its content. Works in Node, browsers and every
 * environment with Web Crypto.
 *
 * @param body The received body, byte for byte: not the result of a framework's parser.
 * @param headers The request's headers, of `fetch` or of Node.
 * @param secrets `whsec_…`, as shown when the webhook was created; several while one is replaced by another.
 * @throws {LonghaulWebhookError} when the message cannot be trusted.
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: HeaderSource,
  secrets: string | readonly string[],
): Promise<WebhookMessage> {
  const [id, sentAt, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    readHeader(headers, name),
  );
  if (!id || !sentAt || !signatures) throw new LonghaulWebhookError('The headers of a webhook are missing.');
  const ageSeconds = Date.now() / 1_000 - Number(sentAt);
  if (!/^\d+$/.test(sentAt) || Math.abs(ageSeconds) > TOLERANCE_SECONDS) {
    throw new LonghaulWebhookError('The webhook was sent too long ago, or a clock is wrong.');
  }
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const signed = concat(new TextEncoder().encode(`${id}.${sentAt}.`), bytes);
  const given = signatures.split(' ').map(readSignature);
  for (const secret of typeof secrets === 'string' ? [secrets] : secrets) {
    const key = await importKey(secret);
    for (const signature of given) {
      // Compares in constant time.
      if (signature !== null && (await crypto.subtle.verify('HMAC', key, signature, signed))) {
        return JSON.parse(new TextDecoder().decode(bytes)) as WebhookMessage;
      }
    }
  }
  throw new LonghaulWebhookError(
    'No signature of the webhook matches. Check that this is its secret, and that the body is unchanged.',
  );
}

function readHeader(headers: HeaderSource, name: string): string | undefined {
  if (typeof headers.get === 'function') return (headers as Headers).get(name) ?? undefined;
  const value = (headers as Record<string, string | readonly string[] | undefined>)[name];
  return typeof value === 'string' ? value : value?.[0];
}

function importKey(secret: string): ReturnType<typeof crypto.subtle.importKey> {
  const bytes = fromBase64(secret.replace(/^whsec_/, ''));
  if (bytes === null) throw new TypeError('The secret of a webhook must be whsec_ followed by base64.');
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

/** Null: of an unknown kind. */
function readSignature(text: string): Uint8Array<ArrayBuffer> | null {
  return text.startsWith('v1,') ? fromBase64(text.slice('v1,'.length)) : null;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
