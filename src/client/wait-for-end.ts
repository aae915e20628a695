import type { RunResource } from '../api/contract.ts';
import { pause, toDelayMs } from './delays.ts';
import { isPassing } from './errors.ts';
import type { Transport } from './transport.ts';

/** Shorter than the time after which proxies treat a connection as dead. */
const WAIT_SECONDS = 25;

const GRACE_MS = 15_000;

const FINAL_STATUSES: ReadonlySet<RunResource['status']> = new Set(['succeeded', 'failed', 'cancelled']);

/** Reads a run repeatedly, each time for as long as the server delays the answer, until the run has ended. */
export async function waitForEnd(
  transport: Transport,
  { path, signal }: { path: string; signal?: AbortSignal | undefined },
): Promise<RunResource> {
  for (let failures = 0; ;) {
    signal?.throwIfAborted();
    try {
      const run = await transport.requestJson<RunResource>(`${path}?wait=${WAIT_SECONDS}`, {
        signal,
        timeoutMs: WAIT_SECONDS * 1_000 + GRACE_MS,
        retryForMs: 0,
      });
      if (FINAL_STATUSES.has(run.status)) return run;
      failures = 0;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      await pause(toDelayMs(failures++), signal);
    }
  }
}
