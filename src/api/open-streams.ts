import type { Caller } from '../access/caller.ts';
import { LonghaulError } from '../core/errors.ts';

/** What the tokens of one user may have open at a server at once. A page has one or two, and a user a few pages. */
export const MOST_STREAMS_OF_USER = 50;

/** Counts the streams that users' browsers have open. An application's own are its own to count. */
export interface OpenStreams {
  /**
   * One more, until the function that is returned is called, once.
   * @throws {LonghaulError} `rate_limited` when there are as many as may be.
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
          message: `This user has ${MOST_STREAMS_OF_USER} streams open at this server, which is as many as may be. Close one; all runs can be followed with one.`,
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
