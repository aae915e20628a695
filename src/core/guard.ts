/** Handles the error that a callback threw, or the reason its promise rejected with. */
export type OnError = (error: unknown) => void;

/**
 * Wraps `handler` for a caller that cannot handle its errors: an event emitter, an abort signal or a timer. Node ends the
 * whole process, with every run of the worker, when such a callback throws. The wrapper passes the error to `onError`, by
 * default a process warning, and does the same when a promise that the handler returns rejects.
 */
export function guarded<Args extends readonly unknown[]>(
  handler: (...args: Args) => unknown,
  onError: OnError = warn,
): (...args: Args) => void {
  return (...args) => inBackground(() => handler(...args), onError);
}

/** Does `work` without waiting for it. Never throws: errors, now or later, go to `onError`, by default a warning. */
export function inBackground(work: () => unknown, onError: OnError = warn): void {
  try {
    const result = work();
    if (isThenable(result)) result.then(undefined, (error: unknown) => tell(error, onError));
  } catch (error) {
    tell(error, onError);
  }
}

function tell(error: unknown, onError: OnError): void {
  try {
    onError(error);
  } catch (failure) {
    warn(failure);
  }
}

/** Writes an error that no caller waits for to standard error, and lets the process continue. */
function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
