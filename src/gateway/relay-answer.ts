import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';
import { guarded } from '../core/guard.ts';
import type { CallMeter } from './call-meter.ts';
import { toAnswerHeaders } from './headers.ts';
import type { SilenceWatch } from './silence.ts';
import type { UpstreamAnswer } from './upstream-client.ts';

interface RelayOptions {
  readonly response: ServerResponse;
  readonly answer: UpstreamAnswer;
  readonly watch: SilenceWatch;
  /** Null for a call that is free. */
  readonly meter: CallMeter | null;
  /** Aborted when the call is cut. */
  readonly signal: AbortSignal;
  /** The provider's side broke. */
  readonly onBroken: (error: unknown) => void;
  /** The answer cannot be followed. */
  readonly onUnreadable: (error: unknown) => void;
}

/** Passes a good answer back as it comes, byte for byte, with the meter listening. Resolves when both sides are done. */
export async function relayAnswer(options: RelayOptions): Promise<void> {
  const { response, answer, watch, meter, signal, onBroken, onUnreadable } = options;
  const { body } = answer;
  meter?.open(answer);
  response.writeHead(answer.status, toAnswerHeaders(answer));
  response.flushHeaders();
  // Not a pipeline, which ends the provider's side with the process's: that may go on for a while, to be counted.
  const closed = Promise.withResolvers<void>();
  body.pipe(response);
  const onClosed = guarded(() => {
    body.unpipe(response);
    body.resume();
    closed.resolve();
  });
  response.once('close', onClosed);
  // Of a chunk that came between the end of the connection and the news of it.
  response.on('error', () => {});
  // After the pipe: each chunk is on its way before it is looked at.
  const onChunk = guarded((chunk: Buffer) => {
    watch.heard();
    meter?.push(chunk);
  }, onUnreadable);
  const onEnd = guarded(() => meter?.end(true), onUnreadable);
  body.on('data', onChunk);
  body.once('end', onEnd);
  try {
    await finished(body, { writable: false });
  } catch (error) {
    // Before the other side can notice.
    meter?.end(false);
    if (!signal.aborted && meter?.hasFailed !== true) onBroken(error);
    response.destroy();
    body.destroy();
  }
  if (!response.destroyed) await closed.promise;
}
