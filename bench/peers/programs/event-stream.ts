import type { Response } from 'express';

/** An event of a run, as a peer's clients receive it. The text of an attempt replaces that of the attempt before. */
export type RunEvent =
  | { readonly type: 'started'; readonly attempt: number }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'succeeded'; readonly result: string; readonly costUsd: number }
  | { readonly type: 'failed'; readonly error: string };

const HEARTBEAT_MS = 15_000;

export interface EventStream {
  send(event: RunEvent, id?: string): void;
  end(): void;
}

/** True for the last event of a run. */
export function isLastEvent({ type }: RunEvent): boolean {
  return type === 'succeeded' || type === 'failed';
}

/** Answers a request with server-sent events. */
export function openEventStream(response: Response): EventStream {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  // Proxies cut a silent connection.
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
  response.on('close', () => clearInterval(heartbeat));
  return {
    send(event, id) {
      if (response.writableEnded) return;
      const idLine = id === undefined ? '' : `id: ${id}\n`;
      response.write(`${idLine}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    },
    end: () => void response.end(),
  };
}
