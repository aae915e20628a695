/** Takes what a callback threw, or what its promise rejected with. */
export type OnError = (error: unknown) => void;

/**
 * `handler` for a caller that cannot take an error from it: an event emitter, an abort signal or a timer. Node ends the
 * whole process for an error that such a callback throws, with every run of the worker; so it goes to `onError`, and so
 * does the rejection of a promise that the handler returns. Defaults to a warning of the process.
 */
export function guarded<Args extends readonly unknown[]>(
  handler: (...args: Args) => unknown,
  onError: OnError = warn,
): (...args: Args) => void {
  return (...args) => inBackground(() => handler(...args), onError);
}

/** Does `work` without waiting for it. Never throws: what goes wrong, now or later, goes to `onError`, by default a warning. */
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

/** Says on standard error that something went wrong where nobody waited for it, and lets the process go on. */
function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
