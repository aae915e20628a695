/**
 * Creates a function that reads a changed value again: never twice at the same time, and once more if it changed in the
 * meantime.
 */
export function createRefresher(read: () => Promise<void>): () => Promise<void> {
  let reading: Promise<void> | null = null;
  let isStale = false;

  async function readUntilFresh(): Promise<void> {
    try {
      do {
        isStale = false;
        await read();
      } while (isStale);
    } finally {
      reading = null;
    }
  }

  return () => {
    isStale = true;
    return (reading ??= readUntilFresh());
  };
}
