import { after } from '../core/timers.ts';

/** Watches for an upstream that sends nothing. */
export interface SilenceWatch {
  /** Something came: the time starts anew. */
  heard(): void;
  stop(): void;
}

interface SilenceOptions {
  readonly silenceMs: number;
  /** Whether it is the reader's turn: then nothing can come, and the silence is not the upstream's. */
  readonly isReaderBlocked: () => boolean;
  readonly onSilence: () => void;
}

/** Calls `onSilence` once when nothing was heard for `silenceMs`. */
export function watchSilence({ silenceMs, isReaderBlocked, onSilence }: SilenceOptions): SilenceWatch {
  const timer = after(silenceMs, () => {
    if (isReaderBlocked()) timer.refresh();
    else onSilence();
  });
  return {
    heard() {
      timer.refresh();
    },
    stop: () => clearTimeout(timer),
  };
}

/** For requests that may take as long as they take. */
export const NO_WATCH: SilenceWatch = { heard: () => undefined, stop: () => undefined };
