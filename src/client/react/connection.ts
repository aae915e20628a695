import type { LonghaulClient, StreamedEvent } from '../client.ts';

/** State of the connection. */
export interface ConnectionState {
  readonly isOpen: boolean;
  /** Rejection that ended the connection; null while it is kept up. */
  readonly error: Error | null;
}

interface Reader {
  onEvent(event: StreamedEvent): void;
  /** Called at once, and after each change. */
  onState(state: ConnectionState): void;
}

/** The single connection for everything that a page shows. It is open while there are readers. */
export interface Connection {
  /** Reads every event from now on, each once, in spite of network failures; returns a function that stops it. */
  read(reader: Reader): () => void;
}

export function createConnection(client: LonghaulClient): Connection {
  const readers = new Set<Reader>();
  let state: ConnectionState = { isOpen: false, error: null };
  let controller: AbortController | null = null;

  function setState(next: ConnectionState): void {
    if (next.isOpen === state.isOpen && next.error === state.error) return;
    state = next;
    for (const reader of readers) reader.onState(state);
  }

  async function follow(signal: AbortSignal): Promise<void> {
    const ifWanted = (next: ConnectionState) => {
      if (!signal.aborted) setState(next);
    };
    try {
      const events = client.streamAll({
        signal,
        onOpen: () => ifWanted({ isOpen: true, error: null }),
        onInterruption: () => ifWanted({ isOpen: false, error: null }),
      });
      for await (const event of events) for (const reader of readers) reader.onEvent(event);
    } catch (error) {
      ifWanted({ isOpen: false, error: error as Error });
    }
  }

  return {
    read(reader) {
      readers.add(reader);
      if (controller === null || state.error !== null) {
        state = { isOpen: false, error: null };
        controller = new AbortController();
        void follow(controller.signal);
      }
      reader.onState(state);
      return () => {
        readers.delete(reader);
        if (readers.size > 0) return;
        controller?.abort();
        controller = null;
        state = { isOpen: false, error: null };
      };
    },
  };
}
