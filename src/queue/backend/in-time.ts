import { after } from '../../core/timers.ts';

/** Returns the result of `promise`, or rejects with an error that names `what` was too slow. Leaves no timer behind. */
export async function inTime<T>(
  promise: Promise<T>,
  { withinMs, what }: { withinMs: number; what: string },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = after(withinMs, () => reject(new Error(`${what} took longer than ${withinMs / 1_000} s.`)));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
