/**
 * Returns a function that calls `say` at most once in `intervalMs`: for events that may happen a thousand times a
 * second but need one report.
 */
export function atMostEvery<Args extends readonly unknown[]>(
  intervalMs: number,
  say: (...args: Args) => void,
): (...args: Args) => void {
  let saidAt = -Infinity;
  return (...args) => {
    const now = performance.now();
    if (now - saidAt < intervalMs) return;
    saidAt = now;
    say(...args);
  };
}
