import type { StopReason } from '../agent/agent-process.ts';
import { inBackground } from '../core/guard.ts';
import type { RunningAttempt } from './admission.ts';
import type { Execution } from './execute-attempt.ts';

/** The attempts that occupy a worker's slots. */
export interface RunningAttempts {
  readonly count: number;
  list(): readonly RunningAttempt[];
  /** Gives an attempt a slot until it is settled. */
  add(attempt: { readonly agent: string; readonly execution: Execution }): void;
  /** Delivers new messages and decisions to a run, or to all runs when `runId` is not given. */
  deliver(runId?: string): void;
  /** Gives up every process that waits for a person. */
  stopHolding(): void;
  /** Ends the attempt of a run, if this worker has it. */
  stop(runId: string, reason: StopReason): void;
  stopAll(reason: StopReason): void;
  /** Resolves when all attempts that run now have ended. */
  ended(): Promise<void>;
}

/** Tracks a worker's attempts. Calls `onRoom` when one has started or ended, because there may be room for another. */
export function createRunningAttempts(onRoom: () => void): RunningAttempts {
  const attempts = new Map<string, RunningAttempt & { readonly execution: Execution }>();
  const all = () => [...attempts.values()];
  return {
    get count() {
      return attempts.size;
    },
    list: all,
    add({ agent, execution }) {
      let isStarting = true;
      attempts.set(execution.runId, {
        agent,
        execution,
        get isStarting() {
          return isStarting;
        },
        residentBytes: () => execution.residentBytes(),
      });
      inBackground(async () => {
        await execution.started;
        isStarting = false;
        onRoom();
      });
      inBackground(async () => {
        await execution.done;
        attempts.delete(execution.runId);
        onRoom();
      });
    },
    deliver(runId) {
      const asked = runId === undefined ? all() : [attempts.get(runId)];
      for (const attempt of asked) (attempt as { execution: Execution } | undefined)?.execution.deliver();
    },
    stopHolding() {
      for (const { execution } of attempts.values()) execution.stopHolding();
    },
    stop: (runId, reason) => attempts.get(runId)?.execution.stop(reason),
    stopAll(reason) {
      for (const { execution } of attempts.values()) execution.stop(reason);
    },
    async ended() {
      await Promise.all(all().map(({ execution }) => execution.done));
    },
  };
}
