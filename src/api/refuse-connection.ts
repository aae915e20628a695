import type { Duplex } from 'node:stream';
import type { ServerResponse } from 'node:http';
import type { ErrorCode } from '../core/errors.ts';
import { toProblem } from './problem.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Responds with a problem document to data that did not become a request, because it came too slowly, had too large
 * headers or was not HTTP, and ends the connection.
 */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
  // `_httpMessage` is the current response of the connection. Once it has started, nothing can be inserted.
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
  return code !== undefined && code in CODES ? {} : { detail: 'The received data is not HTTP.' };
}
