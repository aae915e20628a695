import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';
import { guarded } from '../core/guard.ts';
import { createAnswerGuard } from './answer-guard.ts';
import { breakOff } from './break-off.ts';
import type { CallFailures } from './call-failures.ts';
import type { CallMeter } from './call-meter.ts';
import { toAnswerHeaders } from './headers.ts';
import type { SilenceWatch } from './silence.ts';
import type { UpstreamAnswer } from './upstream-client.ts';

interface RelayOptions {
  readonly response: ServerResponse;
  readonly answer: UpstreamAnswer;
  readonly watch: SilenceWatch;
  /** Null for a free call. */
  readonly meter: CallMeter | null;
  /** Aborted when the call is cut. */
  readonly signal: AbortSignal;
  /** Receives a connection that broke, an answer beyond its bounds, and an unreadable answer. */
  readonly failures: CallFailures;
}

/**
 * Passes a good answer back unchanged, chunk by chunk, while the meter reads it. If the answer ends with an error, or
 * too early, the process gets a broken connection, after which it retries. Resolves when both sides are done.
 */
export async function relayAnswer(options: RelayOptions): Promise<void> {
  const { response, answer, watch, meter, signal, failures } = options;
  const { body } = answer;
  const guard = createAnswerGuard(answer.headers['content-type'] ?? '');
  meter?.open(answer);
  response.writeHead(answer.status, toAnswerHeaders(answer));
  response.flushHeaders();

  // Not a pipeline, which would end the provider's side with the process's: the provider's may continue for a while, to
  // be counted.
  const closed = Promise.withResolvers<void>();
  const onClosed = guarded(() => {
    body.resume();
    closed.resolve();
  });
  response.once('close', onClosed);
  // For a chunk that arrives between the end of the connection and its event.
  response.on('error', () => {});
  const onDrain = guarded(() => body.resume());
  response.on('drain', onDrain);

  const write = (parts: readonly Buffer[]): void => {
    for (const part of parts) if (!response.destroyed && !response.write(part)) body.pause();
  };
  const onChunk = guarded((chunk: Buffer) => {
    watch.heard();
    if (signal.aborted) return;
    const { now, later } = guard.take(chunk);
    // Each chunk is sent before the meter reads it, unless it may be too large.
    write(now);
    meter?.push(chunk);
    if (guard.excess !== null) failures.failExcessive(guard.excess);
    if (!signal.aborted) write(later);
    // Nothing useful follows an error that was read, and the process waits to retry.
    if (meter === null ? guard.hasFailed : meter.hasFailed) body.destroy();
  }, failures.cutUnreadable);
  body.on('data', onChunk);

  try {
    await finished(body, { writable: false });
    if (!guard.isComplete || guard.hasFailed) throw new Error('The model provider ended its answer too early.');
  } catch (error) {
    // Before the other side can notice.
    meter?.end(false);
    if (!signal.aborted && meter?.hasFailed !== true) failures.noteBroken(error);
    body.destroy();
    return breakOff(response);
  }
  const end = guarded(() => meter?.end(true), failures.cutUnreadable);
  end();
  response.end();
  if (!response.destroyed) await closed.promise;
}
