import type { Caller } from '../access/caller.ts';
import { LonghaulError } from '../core/errors.ts';

/** Maximum number of open streams per user and server. A page has one or two, and a user a few pages. */
export const MOST_STREAMS_OF_USER = 50;

/** Counts the open streams of users' browsers. An application counts its own streams itself. */
export interface OpenStreams {
  /**
   * Counts one more stream, until the returned function is called, once.
   * @throws {LonghaulError} `rate_limited` when the maximum is reached.
   */
  enter(caller: Caller): () => void;
}

export function createOpenStreams(): OpenStreams {
  const counts = new Map<string, number>();
  return {
    enter({ kind, keyId, user, team }) {
      if (kind === 'key') return () => {};
      const key = JSON.stringify([keyId, user, team]);
      const count = counts.get(key) ?? 0;
      if (count >= MOST_STREAMS_OF_USER) {
        throw new LonghaulError('rate_limited', {
          message: `This user has ${MOST_STREAMS_OF_USER} streams open at this server, which is the maximum. Close one; a single stream can follow all runs.`,
          retryAfterSeconds: 10,
        });
      }
      counts.set(key, count + 1);
      return () => {
        const left = (counts.get(key) ?? 1) - 1;
        if (left === 0) counts.delete(key);
        else counts.set(key, left);
      };
    },
  };
}
