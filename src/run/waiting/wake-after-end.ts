import { wakeNext } from './wake-runs.ts';
import type { EndDeps } from '../rules.ts';
import type { Run } from '../run.ts';

/**
 * Queues the runs that a run's end makes room for in budgets, after the end is committed. Never rejects, because the
 * end stands. Logs a failure: until another run ends, the runs that wait for this money go on waiting, at the latest
 * until their budget resets.
 */
export async function wakeAfterEnd(deps: EndDeps, run: Run): Promise<void> {
  try {
    await wakeNext(deps, run);
  } catch (err) {
    deps.log.error({ err, runId: run.id }, 'runs that wait for a budget could not be queued when a run ended');
  }
}
