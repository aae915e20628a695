/** `say`, at most once in `intervalMs`: for what may happen a thousand times a second and is news once. */
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
