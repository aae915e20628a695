import type { EventResource } from '../api/contract.ts';

/**
 * An event of a run, told apart by `type`, which says what `data` holds. Types that are not listed here may come from a
 * newer server: pass over them.
 */
export type LonghaulEvent<Type extends EventResource['type'] = EventResource['type']> = Extract<
  EventResource,
  { type: Type }
>;

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
