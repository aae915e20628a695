import { inBackground } from '../core/guard.ts';

/** Calls `act` with the newest value, one call at a time: what comes meanwhile is made one with what comes last. */
export function coalesce<T>(act: (value: T) => Promise<unknown>): (value: T) => void {
  let newest: { value: T } | null = null;
  let isActing = false;
  const run = async () => {
    isActing = true;
    while (newest !== null) {
      const { value } = newest;
      newest = null;
      // A failure is made good by the next call, or by the settlement, which carries the final count.
      await act(value).catch(() => {});
    }
    isActing = false;
  };
  return (value) => {
    newest = { value };
    if (!isActing) inBackground(run);
  };
}
