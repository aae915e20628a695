import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { TraceContext } from '../core/trace-context.ts';
import type { Endpoint } from './endpoint.ts';

/** Sends requests to one provider in the provider's own form, and returns answers in the form of the Messages API. */
export interface UpstreamClient {
  /**
   * Resolves with the answer as soon as its headers have arrived. Rejects when there is no answer, and when `signal`
   * aborts; a later abort interrupts the answer.
   */
  send(request: OutgoingRequest): Promise<UpstreamAnswer>;
  /** Returns `bytes` without the provider's credentials, in case it repeated them. */
  redact(bytes: Buffer): Buffer;
  close(): void;
}

export interface OutgoingRequest {
  readonly endpoint: Endpoint;
  readonly headers: IncomingHttpHeaders;
  /** The span that the provider continues, where it can; null: none. */
  readonly trace: TraceContext | null;
  /** In parts, so that a body with small changes need not be copied. */
  readonly body: readonly Buffer[];
  /** The model's name in the request. */
  readonly model: string;
  readonly isStreamed: boolean;
  readonly signal: AbortSignal;
  /** Called when the whole request was sent: from then on the provider may charge for it. */
  readonly onSent: () => void;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}
