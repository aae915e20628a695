import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Endpoint } from './endpoint.ts';

/** Sends requests on to one provider, each in the provider's own form, and gives answers in that of the Messages API. */
export interface UpstreamClient {
  /**
   * Resolves with the answer as soon as its headers are there. Rejects when there is none, and when `signal` aborts;
   * an abort later on breaks the answer off.
   */
  send(request: OutgoingRequest): Promise<UpstreamAnswer>;
  /** `bytes` without the provider's credentials, should it have repeated them. */
  redact(bytes: Buffer): Buffer;
  close(): void;
}

export interface OutgoingRequest {
  readonly endpoint: Endpoint;
  readonly headers: IncomingHttpHeaders;
  /** In parts, so that one of which little is changed need not be copied. */
  readonly body: readonly Buffer[];
  /** As the request names it. */
  readonly model: string;
  readonly isStreamed: boolean;
  readonly signal: AbortSignal;
  /** Called when all of it is on its way: from then on the provider may charge for it. */
  readonly onSent: () => void;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}
