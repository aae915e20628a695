import type { LonghaulClient, StreamedEvent } from '../client.ts';

/** How the connection stands. */
export interface ConnectionState {
  readonly isOpen: boolean;
  /** Why it was given up, by a refusal; null while it is kept up. */
  readonly error: Error | null;
}

interface Reader {
  onEvent(event: StreamedEvent): void;
  /** Told at once, and with each change. */
  onState(state: ConnectionState): void;
}

/** The one connection behind all that a page shows. It is there while somebody reads. */
export interface Connection {
  /** Reads every event from now on, each once, whatever becomes of the network; returns what ends it. */
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
