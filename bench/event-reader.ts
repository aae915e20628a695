import { connect, type Socket } from 'node:net';

interface ReaderOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly runId: string;
  /** The `seq` of the last event before the first that it reads. */
  readonly after: number;
  /** Called with the `seq` of each event. */
  readonly hear: (seq: number) => void;
}

/**
 * Follows a run over SSE, and resolves with its connection once it is answered. It reads nothing of an event but its
 * `id`: thousands of readers share their processor with the server that they measure.
 */
export function openEventReader({ url, headers, runId, after, hear }: ReaderOptions): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(Number(url.port), url.hostname);
  const lines = Object.entries({ ...headers, host: url.host, accept: 'text/event-stream' });
  socket.write(
    `GET /v1/runs/${runId}/events?after=${after} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
  socket.setEncoding('latin1').on('error', reject);
  let isAnswered = false;
  let rest = '';
  socket.on('data', (text: string) => {
    rest += text;
    if (!isAnswered) {
      if (!rest.startsWith('HTTP/1.1 200'))
        return reject(new Error(`A reader was answered with ${rest.slice(0, 400)}`));
      isAnswered = true;
      resolve(socket);
    }
    // Texts in JSON contain no line breaks, so only a frame begins with this.
    for (let at = rest.indexOf('\nid: '); at !== -1; at = rest.indexOf('\nid: ')) {
      const end = rest.indexOf('\n', at + 1);
      if (end === -1) break;
      hear(Number(rest.slice(at + 5, end)));
      rest = rest.slice(end);
    }
    // The end of what was read may be the beginning of the next `id`.
    if (!rest.includes('\nid: ')) rest = rest.slice(-5);
  });
  return promise;
}
