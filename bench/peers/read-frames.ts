import { Agent, request, type IncomingMessage } from 'node:http';

/** A frame of server-sent events. */
export interface Frame {
  readonly event: string;
  readonly data: string;
}

interface OpenOptions {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

// A thousand readers have as many connections.
const agent = new Agent({ maxSockets: Infinity });

/** Sends a request whose answer may be a stream; resolves with its headers. */
export function openStream({ url, method = 'GET', headers = {}, body }: OpenOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers: { accept: 'text/event-stream', ...headers } });
    sent.on('error', reject);
    sent.on('response', resolve);
    sent.end(body);
  });
}

/** Calls `hear` for each frame; resolves when the stream has ended, or its connection broke. */
export function readFrames(response: IncomingMessage, hear: (frame: Frame) => void): Promise<void> {
  return new Promise((resolve) => {
    let rest = '';
    response.setEncoding('utf8');
    response.on('error', () => {}); // The connection broke; `close` follows.
    response.on('close', resolve);
    response.on('data', (text: string) => {
      const frames = (rest + text).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const event = /^event: (.*)$/m.exec(frame)?.[1];
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (event !== undefined && data !== undefined) hear({ event, data });
      }
    });
  });
}
