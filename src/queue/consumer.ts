import { after, repeat } from '../core/timers.ts';
import { createContention } from './contention.ts';
import type { Notifier, Subscription, WakeUp } from './notifier.ts';
import { createPendingQueues, type Turn } from './pending-queues.ts';
import type { RunQueue } from './run-queue.ts';

/** Interval at which the worker's room is read again, in ms, and of the checks while wake-ups do not arrive. */
const TICK_MS = 2_000;

/** Interval of the checks for lost wake-ups, in ms. */
const CHECK_EVERY_MS = 30_000;

/** Time for which a worker leaves a run to another that was chosen for it, or is about to claim it, in ms. */
const LEAVE_MS = 250;

/** Time after which a worker checks whether the worker that was quicker has indeed claimed the run, in ms. */
const SECOND_CHECK_MS = 2_000;

/** Shortest time between two checks for runs that have become due, in ms. */
const SHORTEST_CHECK_MS = 250;

/** Added to the time until a run is due, in ms: a timer may be a little early. */
const DUE_MARGIN_MS = 5;

export interface ConsumerOptions {
  /** The worker's id in `longhaul.workers`. */
  readonly workerId: string;
  readonly queues: readonly string[];
  /** Returns how many runs of a queue may be claimed now. */
  readonly room: (queue: string) => number;
  /**
   * Claims up to `limit` runs of a queue. Returns whether there was none, and whether the queue may have more than it
   * was asked for.
   */
  readonly claim: (queue: string, limit: number) => Promise<{ wasEmpty: boolean; isMore: boolean }>;
  /** Receives the error of a claim or check, which is repeated within 2 s. */
  readonly onError: (error: unknown) => void;
  /**
   * Interval of the checks for lost wake-ups, in ms; varies by a fifth, so that the workers of a fleet spread out.
   * Defaults to 30,000.
   */
  readonly checkEveryMs?: number;
}

/** Fills a worker's room from its queues as soon as a run and room are available. */
export interface Consumer {
  /** Claims from the queues that may have a run. Call it when there may be room for another run. */
  wake(): void;
  /** Stops claiming. Resolves when the claim in progress, if any, has ended. */
  stop(): Promise<void>;
}

/** Starts to claim. `#work` does everything, one thing at a time; the rest decides when it begins. */
export async function startConsumer(
  ports: { readonly runs: RunQueue; readonly notifier: Notifier },
  options: ConsumerOptions,
): Promise<Consumer> {
  const consumer = new ClaimLoop(ports, options);
  await consumer.start();
  return consumer;
}

class ClaimLoop implements Consumer {
  readonly #runs: RunQueue;
  readonly #notifier: Notifier;
  readonly #options: ConsumerOptions;
  readonly #pending = createPendingQueues();
  readonly #contention = createContention();
  #subscription: Subscription | null = null;
  #isWorking = false;
  #working: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #isStopped = false;
  #isCheckNeeded = true;
  #lastCheckAt = -Infinity;
  #checkEveryMs: number;
  /** Time at which the next delayed run is due, by `performance.now()`. */
  #nextDueAt = Infinity;
  #tick: NodeJS.Timeout | undefined;
  #ripeTimer: NodeJS.Timeout | undefined;
  #dueTimer: NodeJS.Timeout | undefined;

  constructor({ runs, notifier }: { runs: RunQueue; notifier: Notifier }, options: ConsumerOptions) {
    this.#runs = runs;
    this.#notifier = notifier;
    this.#options = options;
    this.#checkEveryMs = options.checkEveryMs ?? CHECK_EVERY_MS;
  }

  async start(): Promise<void> {
    const { workerId, queues, room } = this.#options;
    this.#subscription = await this.#notifier.subscribe({
      workerId,
      queues,
      room: (queue) => (this.#isStopped ? 0 : room(queue)),
      onWakeUp: (wakeUp) => this.#onWakeUp(wakeUp),
      onBid: (queue, runIds) => this.#pending.postpone(queue, runIds, LEAVE_MS),
      onWithdrawn: (queue, runIds) => this.#pending.withdraw(queue, runIds),
      onGap: () => this.#needCheck(),
    });
    this.#tick = repeat(TICK_MS, () => this.#onTick());
    this.#needCheck();
  }

  wake(): void {
    this.#wakeSelf();
    this.#subscription?.wake();
  }

  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      this.#isStopped = true;
      clearInterval(this.#tick);
      clearTimeout(this.#ripeTimer);
      clearTimeout(this.#dueTimer);
      this.#pending.clear();
      await this.#working;
      await this.#subscription?.stop();
    })();
    return this.#stopping;
  }

  async #onWakeUp({ queue, runIds, dueInMs, addressee }: WakeUp): Promise<boolean> {
    if (this.#isStopped) return false;
    if (dueInMs > 0) {
      this.#expectDue(dueInMs);
      return true;
    }
    const isContested = addressee !== 'this';
    const leftMs = addressee === 'another' ? LEAVE_MS : 0;
    const waitMs = isContested ? leftMs + this.#contention.waitMs() : 0;
    const { tried } = this.#pending.add({ queue, runIds, waitMs, isContested });
    this.#wakeSelf();
    return tried;
  }

  #onTick(): void {
    // Evaluates every queue: the worker also reports, and makes, room when it is asked.
    for (const queue of this.#options.queues) this.#options.room(queue);
    const everyMs = this.#notifier.isAway ? TICK_MS : this.#checkEveryMs;
    // Half a tick early rather than one late.
    if (performance.now() - this.#lastCheckAt > everyMs - TICK_MS / 2) this.#isCheckNeeded = true;
    this.wake();
  }

  #needCheck(): void {
    this.#isCheckNeeded = true;
    this.#wakeSelf();
  }

  #wakeSelf(): void {
    if (this.#isStopped || this.#isWorking) return;
    this.#isWorking = true;
    this.#working = this.#work();
  }

  async #work(): Promise<void> {
    try {
      while (!this.#isStopped) {
        const turn = this.#pending.takeNext(this.#options.room);
        if (turn !== null) await this.#claim(turn);
        else if (this.#mayCheck()) await this.#check();
        else break;
      }
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#isWorking = false;
      this.#pending.release(this.#options.room);
      this.#awaitRipe();
    }
  }

  async #claim({ queue, limit, runIds, isContested, end }: Turn): Promise<void> {
    // With more runs than room, there is enough for other workers too.
    const isBid = isContested && this.#contention.isNoted && runIds.length > 0 && runIds.length <= limit;
    if (isBid) this.#notifier.bid({ queue, runIds });
    try {
      const { wasEmpty, isMore } = await this.#options.claim(queue, limit);
      if (isContested) this.#contention.note({ isFound: !wasEmpty });
      // The worker that was quicker may die before its claim is committed, and nobody would hear of that.
      if (wasEmpty) this.#expectDue(SECOND_CHECK_MS);
      if (isMore) this.#pending.add({ queue, runIds: [], waitMs: 0, isContested: false });
    } catch (error) {
      this.#pending.add({ queue, runIds: [], waitMs: TICK_MS, isContested: false });
      throw error;
    } finally {
      end();
    }
  }

  #mayCheck(): boolean {
    return this.#isCheckNeeded && this.#options.queues.some((queue) => this.#options.room(queue) > 0);
  }

  async #check(): Promise<void> {
    this.#isCheckNeeded = false;
    this.#lastCheckAt = performance.now();
    this.#checkEveryMs = (this.#options.checkEveryMs ?? CHECK_EVERY_MS) * (0.8 + 0.4 * Math.random());
    // The result sets it again; a time that is announced during the check is kept beside it.
    this.#nextDueAt = Infinity;
    try {
      const { queues, nextInMs } = await this.#runs.findDue(this.#options.queues);
      for (const queue of queues) this.#pending.add({ queue, runIds: [], waitMs: 0, isContested: true });
      if (nextInMs !== null) this.#expectDue(nextInMs);
    } catch (error) {
      this.#isCheckNeeded = true;
      throw error;
    }
  }

  /** Checks when a run is due. The timer of an earlier time is enough: its check finds this time. */
  #expectDue(dueInMs: number): void {
    const now = performance.now();
    if (this.#isStopped || now + dueInMs >= this.#nextDueAt) return;
    this.#nextDueAt = now + dueInMs;
    const earliestInMs = this.#lastCheckAt + SHORTEST_CHECK_MS - now;
    const waitMs = Math.max(dueInMs + DUE_MARGIN_MS, earliestInMs) + this.#contention.waitMs();
    clearTimeout(this.#dueTimer);
    this.#dueTimer = after(waitMs, () => {
      this.#nextDueAt = Infinity;
      this.#needCheck();
    });
  }

  #awaitRipe(): void {
    clearTimeout(this.#ripeTimer);
    const waitMs = this.#pending.ripensInMs();
    if (waitMs !== null && !this.#isStopped) this.#ripeTimer = after(waitMs, () => this.#wakeSelf());
  }
}
