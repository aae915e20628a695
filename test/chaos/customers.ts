import { setTimeout as delay } from 'node:timers/promises';
import {
  LonghaulApiError,
  LonghaulNetworkError,
  type EventResource,
  type LonghaulClient,
  type RunResource,
} from '../../src/client/client.ts';
import type { PlannedRun } from './plan.ts';

/** A run as its customer has seen it. */
export interface SeenRun {
  readonly planned: PlannedRun;
  /** Ids in the answers to its submission: the same id, however often it was sent. */
  readonly ids: readonly string[];
  /** Every event that its follower received, over all connections. */
  readonly events: readonly EventResource[];
  /** True when the follower has seen the final event. */
  isSeenToItsEnd: boolean;
  /** Number of reconnections of the follower. */
  interruptions: number;
  /** The reason if it could not be submitted, cancelled or followed; else null. */
  problem: string | null;
}

interface CustomersOptions {
  readonly client: LonghaulClient;
  readonly runs: readonly PlannedRun[];
  readonly signal: AbortSignal;
}

/** Customers submit runs, each at its time, follow them to their end and cancel some. */
export interface Customers {
  readonly seen: readonly SeenRun[];
  /** Resolves when every run was followed to its end, or given up on `signal`. Never rejects. */
  readonly done: Promise<void>;
}

const TRY_AGAIN_MS = 250;

export function startCustomers({ client, runs, signal }: CustomersOptions): Customers {
  const seen: SeenRun[] = [];
  const beganAt = performance.now();

  async function serve(planned: PlannedRun): Promise<void> {
    await delay(Math.max(0, planned.atMs - (performance.now() - beganAt)), undefined, { signal });
    const ids: string[] = [];
    const events: EventResource[] = [];
    const run: SeenRun = { planned, ids, events, isSeenToItsEnd: false, interruptions: 0, problem: null };
    seen.push(run);
    try {
      const answers = await Promise.all(Array.from({ length: planned.isSentTwice ? 2 : 1 }, () => submit(planned)));
      ids.push(...answers.map(({ id }) => id));
      const cancelling = cancel(planned, ids[0]!);
      const onInterruption = () => {
        run.interruptions += 1;
      };
      for await (const event of client.stream(ids[0]!, { signal, onInterruption })) events.push(event);
      run.isSeenToItsEnd = !signal.aborted;
      await cancelling;
    } catch (error) {
      if (!signal.aborted) run.problem = String(error);
    }
  }

  /** Sends a submission until it is answered: its idempotency key makes it one run, whatever is lost on the way. */
  function submit({ agent, task }: PlannedRun): Promise<RunResource> {
    const submission = { agent, team: 'chaos', prompt: JSON.stringify(task), metadata: { run: task.name } };
    return untilAnswered(() => client.submit(submission, { idempotencyKey: task.name }));
  }

  async function cancel({ cancelAfterMs }: PlannedRun, id: string): Promise<void> {
    if (cancelAfterMs === null) return;
    await delay(cancelAfterMs, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await untilAnswered(() => client.cancel(id));
  }

  async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const isPassing =
          error instanceof LonghaulNetworkError || (error instanceof LonghaulApiError && error.status >= 500);
        if (!isPassing) throw error;
        await delay(TRY_AGAIN_MS, undefined, { signal });
      }
    }
  }

  return { seen, done: Promise.all(runs.map((planned) => serve(planned).catch(() => {}))).then(() => {}) };
}
