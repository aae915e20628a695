import type { NewEvent } from '../core/events.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { recordEvents } from '../run/log/append-events.ts';
import type { Claim } from '../run/claim/claim.ts';
import { createEventRecorder } from './event-recorder.ts';
import { createEventMask } from './mask-events.ts';

interface AttemptLogOptions {
  readonly database: Database;
  readonly claim: Claim;
  /** Called with each event, before its keys are masked. */
  readonly onEvent: (event: NewEvent) => void;
  /** Called when nothing can be recorded under the lease any more. */
  readonly onLeaseLost: () => void;
  /** Called when the events cannot be stored on any worker. */
  readonly onUnrecordable: () => void;
  readonly log: Logger;
}

/** The log of an attempt: its events, masked, in order, and written under its lease. */
export interface AttemptLog {
  /** The reason why the events cannot be stored on any worker; null while they can. */
  readonly unrecordable: string | null;
  add(event: NewEvent): void;
  /** Adds the text that the mask has kept back, when no more events will come. */
  end(): void;
  /** Resolves when everything added so far is written; false when it can no longer be written. */
  flush(): Promise<boolean>;
  /** Discards what is not written yet, because the run belongs to another worker. */
  abandon(): void;
}

export function createAttemptLog(options: AttemptLogOptions): AttemptLog {
  const { database, claim, onEvent, onLeaseLost, onUnrecordable, log } = options;
  const { run, lease } = claim;
  let { lastSeq } = claim;
  let unrecordable: string | null = null;
  const recorder = createEventRecorder({
    async write(events) {
      const isOurs = await recordEvents(database, { runId: run.id, attempt: run.attempt, events, lease, lastSeq });
      lastSeq += events.length;
      return isOurs;
    },
    onLost: (loss) => {
      log.error({ runId: run.id, attempt: run.attempt, ...loss }, 'the events of the run can no longer be recorded');
      if (loss.kind === 'lease_lost' || loss.kind === 'away') return onLeaseLost();
      unrecordable = loss.detail;
      onUnrecordable();
    },
  });
  const mask = createEventMask((event) => recorder.add(event));
  return {
    get unrecordable() {
      return unrecordable;
    },
    add(event) {
      onEvent(event);
      mask.add(event);
    },
    end: () => mask.end(),
    flush: () => recorder.flush(),
    abandon: () => recorder.abandon(),
  };
}
