/** Milliseconds for which a value is used again. */
const LEAST_AGE_MS = 5_000;

/** Share of time that reads may take: a read of a second is used for 20 seconds. */
const LARGEST_SHARE = 0.05;

/**
 * Wraps an expensive read: callers at the same time share one, and its value is used again for a while, longer when the
 * read is slow. Any number of scrapers thus cost the database no more than one. A failed read is not kept.
 */
export function createSharedRead<T>(read: () => Promise<T>, { leastAgeMs = LEAST_AGE_MS } = {}): () => Promise<T> {
  let current: Promise<T> | null = null;
  let freshUntil = -Infinity;

  async function readNow(): Promise<T> {
    const startedAt = performance.now();
    try {
      const value = await read();
      const now = performance.now();
      freshUntil = now + Math.max(leastAgeMs, (now - startedAt) / LARGEST_SHARE);
      return value;
    } catch (error) {
      current = null;
      throw error;
    }
  }

  return () => {
    if (current === null || performance.now() > freshUntil) {
      freshUntil = Infinity;
      current = readNow();
    }
    return current;
  };
}
