import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A request as it arrived at the provider. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

type Answer = (response: ServerResponse, request: SeenRequest) => void | Promise<void>;

/** A provider whose every byte the test controls. */
export interface TestUpstream {
  readonly url: string;
  readonly seen: SeenRequest[];
  answerWith(answer: Answer): void;
  close(): Promise<void>;
}

/** `tls`: its certificate and key; it then uses HTTPS. */
export async function startUpstream(tls?: { cert: string; key: string }): Promise<TestUpstream> {
  const seen: SeenRequest[] = [];
  let answer: Answer = (response) => void response.end('{}');
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const arrived = { method, url, headers, body: Buffer.concat(chunks) };
      seen.push(arrived);
      void answer(response, arrived);
    });
  };
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    answerWith: (next) => void (answer = next),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Formats a server-sent event as Anthropic does. */
export function sse(type: string, data: object = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

export const messageStart = sse('message_start', {
  message: {
    model: 'claude-sonnet-4-5-20250929',
    usage: {
      input_tokens: 1_000,
      output_tokens: 1,
      cache_read_input_tokens: 10_000,
      cache_creation_input_tokens: 3_000,
      cache_creation: { ephemeral_5m_input_tokens: 1_000, ephemeral_1h_input_tokens: 2_000 },
    },
  },
});

export const textDelta = (text: string): string =>
  sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });

export const messageDelta = sse('message_delta', {
  delta: { stop_reason: 'end_turn' },
  usage: { output_tokens: 500, server_tool_use: { web_search_requests: 2 } },
});

export const wholeStream = messageStart + textDelta('Grüße 🚀') + sse('ping') + messageDelta + sse('message_stop');

/** Cost of `wholeStream`: $0.04925, in Claude Code's calculation as well. */
export const WHOLE_STREAM_MICROS = 49_250;

/** Reads the part of an answer before its connection breaks, which it has to. */
export async function readBroken(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of response.body ?? []) chunks.push(chunk);
  } catch {
    return Buffer.concat(chunks).toString('utf8');
  }
  throw new Error('The answer came to a good end.');
}
