import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { toApiErrorType } from '../core/api-errors.ts';
import { head } from '../core/text.ts';
import type { UpstreamAnswer } from './upstream-client.ts';

const MAX_ERROR_BYTES = 1024 * 1024;

/** Returns an error in the form of the Messages API. */
export function toErrorBody({ status, message }: { status: number; message: string }): string {
  return JSON.stringify({ type: 'error', error: { type: toApiErrorType(status), message: head(message, 1_000) } });
}

/** Returns an error answer in the form of the Messages API. */
export function toErrorAnswer(
  error: { status: number; message: string },
  headers: IncomingHttpHeaders = {},
): UpstreamAnswer {
  const { 'retry-after': retryAfter } = headers;
  return {
    status: error.status,
    headers: {
      'content-type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    },
    body: Readable.from([Buffer.from(toErrorBody(error))]),
  };
}

/** Reads a whole short answer. */
export async function readAnswer(answer: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Parses `json` as an object; empty when it is not one. */
export function parseAnswer(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    // Google wraps an error in a list when a stream was requested.
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
