import type { EventData, EventType } from '../core/events.ts';

/**
 * An event of a run, told apart by `type`, which says what `data` holds. Types that are not listed here may come from a
 * newer server: pass over them.
 */
export type LonghaulEvent<Type extends EventType = EventType> = {
  [T in Type]: {
    readonly type: T;
    readonly data: { readonly [K in keyof EventData[T]]: EventData[T][K] };
    readonly runId: string;
    /** Its place in the run's log, counted from 1. */
    readonly seq: number;
    /** ISO 8601, UTC. */
    readonly at: string;
    /** The attempt it belongs to; 0 before the first. */
    readonly attempt: number;
  };
}[Type];

/** An event of one of many runs. */
export type StreamedEvent = LonghaulEvent & {
  /** What `after` takes to go on behind this event. */
  readonly cursor: number;
};

const FINAL_TYPES: ReadonlySet<string> = new Set(['run.succeeded', 'run.failed', 'run.cancelled']);

/** Whether a run's log ends with this event. */
export function isFinalEvent({ type }: { readonly type: string }): boolean {
  return FINAL_TYPES.has(type);
}
