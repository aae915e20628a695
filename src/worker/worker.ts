import { inBackground } from '../core/guard.ts';
import { createId } from '../core/ids.ts';
import { settlesWithin } from '../core/settles-within.ts';
import { openWorker } from './open-worker.ts';
import { createRunningAttempts } from './running-attempts.ts';
import { logFailure, type LeaveReason, type WorkerDeps, type WorkerState } from './worker-state.ts';

export type { LeaveReason } from './worker-state.ts';

/** A process's slots: claims runs and executes them until it is stopped. */
export interface Worker {
  readonly id: string;
  readonly runningCount: number;
  /**
   * Resolves when the worker has drained and left without `stop`: an operator asked over HTTP, or its process has grown
   * too large.
   */
  readonly left: Promise<LeaveReason>;
  start(): Promise<void>;
  /** Claims no more runs, and resolves when its runs are finished; false when some are unfinished after `timeoutMs`. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Ends the runs it still has, queues them again, then leaves. */
  stop(): Promise<void>;
}

export function createWorker(deps: WorkerDeps): Worker {
  const { id = createId(), config } = deps;
  const attempts = createRunningAttempts(() => state.claimer?.wake());
  const state: WorkerState = {
    id,
    deps,
    attempts,
    closers: [],
    firstFinished: Promise.withResolvers(),
    leaving: Promise.withResolvers(),
    claimer: null,
    presence: null,
    spares: null,
    isDraining: false,
  };
  const left = Promise.withResolvers<LeaveReason>();
  let starting: Promise<void> | null = null;
  let stopping: Promise<void> | null = null;
  const stop = () => (stopping ??= close(state));

  /** Does for this worker alone what `leave` in `cli/serve.ts` does for the process at SIGTERM. */
  async function leave(reason: LeaveReason): Promise<void> {
    if (state.isDraining) return;
    state.isDraining = true;
    await starting?.catch(() => {}); // The caller of `start` receives the error.
    await drain(state, config.worker.drainTimeoutSeconds * 1_000);
    await stop();
    left.resolve(reason);
  }

  return {
    id,
    get runningCount() {
      return attempts.count;
    },
    left: left.promise,
    start: () => (starting ??= openWorker(state, leave)),
    drain: (timeoutMs) => drain(state, timeoutMs),
    stop,
  };
}

async function drain(state: WorkerState, timeoutMs: number): Promise<boolean> {
  const { id, deps, attempts } = state;
  state.isDraining = true;
  state.leaving.resolve();
  state.presence?.update();
  await state.claimer?.stop();
  const { spares } = state;
  // No run will use them any more.
  if (spares !== null) inBackground(spares.stop, (err) => logFailure(state, err));
  attempts.stopHolding();
  deps.log.info({ workerId: id, runs: attempts.count }, 'draining: no more runs are claimed');
  const isDrained = await settlesWithin(attempts.ended(), timeoutMs);
  if (isDrained) deps.log.info({ workerId: id }, 'drained');
  return isDrained;
}

async function close(state: WorkerState): Promise<void> {
  const { id, deps, attempts, closers } = state;
  state.isDraining = true;
  state.leaving.resolve();
  await state.claimer?.stop();
  if (attempts.count > 0) deps.log.info({ workerId: id, runs: attempts.count }, 'handing back the runs in progress');
  attempts.stopAll('handed_back');
  await attempts.ended();
  for (const closePart of closers.splice(0).reverse()) {
    await Promise.resolve(closePart()).catch((error: unknown) =>
      deps.log.warn({ err: error }, 'the worker could not leave cleanly'),
    );
  }
}
