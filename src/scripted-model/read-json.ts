import type { IncomingMessage } from 'node:http';
import { toMessage } from '../core/errors.ts';
import type { ApiError } from './api-error.ts';

/** The limit of Anthropic's Messages API. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

type ReadJson = { readonly body: unknown } | { readonly status: number; readonly error: ApiError };

/** Reads a request's body as JSON, or returns the error to answer with. */
export async function readJson(incoming: IncomingMessage): Promise<ReadJson> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    size += part.length;
    // Reads to the end even so: an answer in the middle of an upload reaches the client as a broken connection.
    if (size <= MAX_BODY_BYTES) parts.push(part);
  }
  if (size > MAX_BODY_BYTES) {
    return { status: 413, error: { type: 'request_too_large', message: `The body has ${size} bytes.` } };
  }
  try {
    return { body: JSON.parse(Buffer.concat(parts).toString()) };
  } catch (cause) {
    return {
      status: 400,
      error: { type: 'invalid_request_error', message: `The body is not JSON: ${toMessage(cause)}` },
    };
  }
}
