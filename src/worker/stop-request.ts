import type { StopReason } from '../agent/agent-process.ts';

/** The request to end an attempt early. The first reason counts. */
export interface StopRequest {
  /** The reason; null while the attempt may continue. */
  readonly reason: StopReason | null;
  /** Resolves with the reason when the attempt should end. */
  readonly made: Promise<StopReason>;
  make(reason: StopReason): void;
}

export function createStopRequest(): StopRequest {
  const { promise, resolve } = Promise.withResolvers<StopReason>();
  let first: StopReason | null = null;
  return {
    get reason() {
      return first;
    },
    made: promise,
    make(reason) {
      first ??= reason;
      resolve(reason);
    },
  };
}
