import { pause, toDelayMs } from '../delays.ts';
import { isPassing } from '../errors.ts';

/** Runs a request of a server until it is answered. Only a rejection ends it, or the signal: then it returns null. */
export async function keepTrying<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const result = await task();
      return signal.aborted ? null : result;
    } catch (error) {
      if (signal.aborted) break;
      if (!isPassing(error)) throw error;
      await pause(toDelayMs(failures), signal);
    }
  }
  return null;
}
