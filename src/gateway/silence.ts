import { after } from '../core/timers.ts';

/** Detects an upstream that sends nothing. */
export interface SilenceWatch {
  /** Restarts the time, because something arrived. */
  heard(): void;
  stop(): void;
}

interface SilenceOptions {
  readonly silenceMs: number;
  /** Returns whether the reader is behind: then nothing can arrive, and the silence is not the upstream's. */
  readonly isReaderBlocked: () => boolean;
  readonly onSilence: () => void;
}

/** Calls `onSilence` once when nothing has arrived for `silenceMs`. */
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

/** For requests without a time limit. */
export const NO_WATCH: SilenceWatch = { heard: () => undefined, stop: () => undefined };
