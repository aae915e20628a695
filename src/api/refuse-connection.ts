import type { Duplex } from 'node:stream';
import type { ServerResponse } from 'node:http';
import type { ErrorCode } from '../core/errors.ts';
import { toProblem } from './problem.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Answers what did not become a request, for it came too slowly, with too much before its body, or was not HTTP, with a
 * problem document, and ends its connection.
 */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
  // `_httpMessage` is the answer that the connection is at: once that has begun, nothing can be said in between.
  const { _httpMessage: answering } = socket as Duplex & { _httpMessage?: ServerResponse | null };
  if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent === true) {
    socket.destroy();
    return;
  }
  const problem = toProblem(CODES[error.code ?? ''] ?? 'invalid_request', toDetail(error));
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problem.title.replace(/\.$/, '')}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

function toDetail({ code }: NodeJS.ErrnoException): { detail?: string } {
  return code !== undefined && code in CODES ? {} : { detail: 'What was received is not HTTP.' };
}
