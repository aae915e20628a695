import type { EventResource } from '../api/contract.ts';

/**
 * An event of a run. `type` determines the form of `data`. Ignore types that are not listed here: they may come from a
 * newer server.
 */
export type LonghaulEvent<Type extends EventResource['type'] = EventResource['type']> = Extract<
  EventResource,
  { type: Type }
>;

/** An event in a stream of several runs. */
export type StreamedEvent = LonghaulEvent & {
  /** Value for `after` to continue after this event. */
  readonly cursor: number;
};

const FINAL_TYPES: ReadonlySet<string> = new Set(['run.succeeded', 'run.failed', 'run.cancelled']);

/** Returns whether a run's log ends with this event. */
export function isFinalEvent({ type }: { readonly type: string }): boolean {
  return FINAL_TYPES.has(type);
}
