import { inBackground } from '../core/guard.ts';

/** Calls `act` with the newest value, one call at a time. Values that arrive during a call collapse into the latest. */
export function coalesce<T>(act: (value: T) => Promise<unknown>): (value: T) => void {
  let newest: { value: T } | null = null;
  let isActing = false;
  const run = async () => {
    isActing = true;
    while (newest !== null) {
      const { value } = newest;
      newest = null;
      // The next call makes up for a failure, or the settlement, which carries the final count.
      await act(value).catch(() => {});
    }
    isActing = false;
  };
  return (value) => {
    newest = { value };
    if (!isActing) inBackground(run);
  };
}
