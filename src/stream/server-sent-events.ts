import type { RunEvent } from '../core/events.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // nginx would gather a stream into blocks.
  'x-accel-buffering': 'no',
};

/**
 * Answers with batches of events as a stream (WHATWG HTML, 9.2): `id` is the place in the log, `event` the
 * type, `data` the event as JSON. The source is asked for more only as the reader takes what it has, so a
 * slow reader holds up nobody; one that goes away ends the source through `onGone`. When the source fails, `onError`
 * is told and the stream ends: its reader comes back for the rest.
 */
export function toEventStream(
  source: AsyncGenerator<readonly RunEvent[], void, void>,
  { onGone, onError }: { onGone: () => void; onError: (error: unknown) => void },
): Response {
  const encoder = new TextEncoder();
  let isGone = false;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode('retry: 1000\n\n'));
    },
    async pull(controller) {
      try {
        const { done, value } = await source.next();
        if (isGone) return;
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value.length === 0 ? ': still here\n\n' : value.map(toFrame).join('')));
      } catch (error) {
        if (isGone) return;
        onError(error);
        controller.close();
      }
    },
    cancel() {
      isGone = true;
      onGone();
    },
  });
  return new Response(body, { headers: HEADERS });
}

function toFrame(event: RunEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
