import { toMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { report } from '../../core/process-events.ts';
import type { WakeUpBackend } from './backend.ts';

/** Knows from the last answer whether the backend is away. */
export interface Availability {
  readonly isAway: boolean;
  /** Time since the last answer, in ms. */
  readonly silentForMs: number;
  /** Does `work`, and notes from its result whether the backend answers. */
  watch<T>(work: () => Promise<T>): Promise<T>;
  noteFailure(error: unknown): void;
}

interface AvailabilityOptions {
  readonly backend: Pick<WakeUpBackend, 'kind' | 'title' | 'isBusy'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Called when the backend answers again. */
  readonly onBack: () => void;
}

export function createAvailability({ backend, log, onBack }: AvailabilityOptions): Availability {
  const { kind, title } = backend;
  let isAway = false;
  let answeredAt = -Infinity;

  function noteSuccess(): void {
    answeredAt = performance.now();
    if (!isAway) return;
    isAway = false;
    report('queue.backend', { kind, isAway });
    log.info({ backend: kind }, `${title} wakes workers again`);
    onBack();
  }

  function noteFailure(error: unknown): void {
    if (backend.isBusy(error)) return;
    // Repeated, for a listener that has begun meanwhile.
    report('queue.backend', { kind, isAway: true });
    if (isAway) return;
    isAway = true;
    log.warn(
      { backend: kind, reason: toMessage(error) },
      `${title} cannot be used: until it answers, workers check the database every 2 s`,
    );
  }

  return {
    get isAway() {
      return isAway;
    },
    get silentForMs() {
      return performance.now() - answeredAt;
    },
    async watch(work) {
      try {
        const result = await work();
        noteSuccess();
        return result;
      } catch (error) {
        noteFailure(error);
        throw error;
      }
    },
    noteFailure,
  };
}
