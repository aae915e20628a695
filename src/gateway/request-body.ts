import type { IncomingMessage } from 'node:http';
import type { ByteClaim } from './byte-budget.ts';

/** Twice what Anthropic's API takes. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** A request's body, and what the gateway must know of it. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly model: string;
  readonly maxTokens: number | null;
  readonly isStreamed: boolean;
}

/**
 * Reads a whole request: what decides on it (`max_tokens`, `stream`) stands at the end of what Claude Code sends.
 * `claim` is raised before anything is read, or with each chunk when the size was not announced.
 * Rejects when the sender goes away.
 */
export async function readRequestBody(
  request: IncomingMessage,
  claim: ByteClaim,
): Promise<RequestBody | 'tooLarge' | 'tooMuchHeld' | 'notJson'> {
  const announcedBytes = Number(request.headers['content-length'] ?? 0);
  if (announcedBytes > MAX_BODY_BYTES) return 'tooLarge';
  if (!claim.raiseTo(announcedBytes)) return 'tooMuchHeld';
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') return 'notJson';
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed on return: the refusal still has to go out on this connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return 'tooLarge';
    if (!claim.raiseTo(size)) return 'tooMuchHeld';
    chunks.push(chunk);
  }
  return parseBody(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
}

function parseBody(bytes: Buffer): RequestBody | 'notJson' {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 'notJson';
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'notJson';
  const { model, max_tokens: maxTokens, stream } = body as Record<string, unknown>;
  return {
    bytes,
    model: typeof model === 'string' ? model : '',
    maxTokens: typeof maxTokens === 'number' ? maxTokens : null,
    isStreamed: stream === true,
  };
}
