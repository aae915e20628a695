import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ByteClaim } from './byte-budget.ts';
import type { AttemptPass } from './pass.ts';
import { refuse, REFUSALS } from './refusal.ts';

/** The path of OTLP over HTTP, to which an attempt's process exports its spans: no collector's key reaches it. */
export const TRACES_PATH = '/v1/traces';

/** A batch of a few hundred spans. */
const MAX_BYTES = 2_000_000;

interface Exported {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly pass: Pick<AttemptPass, 'bodyBudget' | 'onSpans'>;
}

/** Takes spans that the process of an attempt exports. Never rejects: spans are not worth an attempt. */
export async function takeSpans({ request, response, pass }: Exported): Promise<void> {
  const claim = pass.bodyBudget.claim();
  try {
    const text = await readText(request, claim);
    if (text === null) return refuse(response, REFUSALS.tooLarge);
    pass.onSpans?.(JSON.parse(text));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{}');
  } catch {
    if (request.complete) refuse(response, REFUSALS.notJson);
    else response.destroy();
  } finally {
    claim.release();
  }
}

/** Reads the body; null when it is too large. */
async function readText(request: IncomingMessage, claim: ByteClaim): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) return null;
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed on return: the refusal still has to be sent on this connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES || !claim.raiseTo(size)) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}
