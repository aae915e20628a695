import type { Micros } from '../core/money.ts';

/** Runs of one agent with the same outcome within the window. */
export interface OutcomeCount {
  readonly agent: string;
  readonly status: 'succeeded' | 'failed';
  /** Null for runs that succeeded. */
  readonly errorCode: string | null;
  readonly runs: number;
}

/** Attempts of one agent that ended in the same way. */
export interface AttemptCount {
  readonly agent: string;
  readonly attempts: number;
}

export interface LostWorker {
  readonly id: string;
  /** Null when only the worker's attempts are still known. */
  readonly host: string | null;
  /** Attempts that ended because the worker was lost. */
  readonly attempts: number;
}

/** A worker that claims nothing, or no runs of one agent, because its machine lacks a resource. */
export interface FaultyWorker {
  readonly id: string;
  readonly host: string;
  readonly fault: string;
}

/** Queued runs of an agent that no live worker takes. */
export interface UnservedAgent {
  readonly agent: string;
  /** Number among the first 1,000 runs of their queue. */
  readonly runs: number;
}

/** A worker whose event loop was blocked. */
export interface StalledWorker {
  readonly id: string;
  readonly host: string;
  /** Duration of the last block. */
  readonly stallMs: number;
}

/**
 * A lane of webhooks whose last deliveries have finally failed. A lane is an endpoint, or a host that a key's runs have
 * named.
 */
export interface FailingWebhook {
  readonly lane: string;
  /** Address of the last failed delivery. */
  readonly url: string;
  /** Null when runs named the address. */
  readonly webhookId: string | null;
  readonly keyId: string;
  /** Number of failed deliveries. */
  readonly deliveries: number;
  /** Status of the last answer; null when there was none. */
  readonly responseStatus: number | null;
  readonly lastAt: Date;
}

/** The use of a budget: spent and reserved amounts together. */
export interface BudgetUse {
  readonly scope: 'user' | 'team' | 'global';
  /** The user or the team; empty for all together. */
  readonly key: string;
  readonly period: 'day' | 'month';
  readonly usedMicros: Micros;
  readonly limitMicros: Micros;
}

/** A period: after `since`, up to `now`. */
export interface Since {
  readonly since: Date;
}

/** The figures that the rules evaluate, one function for each. */
export interface AlertFacts {
  /** Returns the cost so far of the day of `now`, in the configured time zone. */
  costOfDay(now: Date): Promise<Micros>;
  /** Returns the runs that ended after `since` and cost more than `overMicros`. */
  costlyRuns(
    options: Since & { overMicros: Micros },
  ): Promise<{ readonly id: string; readonly agent: string; readonly costMicros: Micros }[]>;
  /** Returns the depth of each queue in the configuration. */
  queueDepths(): Promise<
    { readonly queue: string; readonly waiting: number; readonly oldestWaitSeconds: number | null }[]
  >;
  /** Returns the outcomes of each agent's runs. Cancelled runs are left out: they do not show how well things work. */
  outcomes(options: Since): Promise<OutcomeCount[]>;
  hungRuns(options: Since): Promise<AttemptCount[]>;
  missingExecutables(options: Since): Promise<AttemptCount[]>;
  /**
   * Returns workers that let a lease expire, and workers whose heartbeat stopped after `since` and before `silentUntil`
   * without a stop.
   */
  lostWorkers(options: Since & { silentUntil: Date }): Promise<LostWorker[]>;
  /**
   * Returns workers with a heartbeat after `since`, by whether their machines have a fault; draining workers are left
   * out.
   */
  faultyWorkers(options: Since): Promise<{ readonly faulty: readonly FaultyWorker[]; readonly sound: number }>;
  /**
   * Returns agents with runs queued since before `readyBefore`, if no worker with a heartbeat after `since` takes them
   * and no worker executed one after `readyBefore`; paused queues are left out. Returns none while there is a worker
   * that does not report its agents.
   */
  unservedAgents(options: Since & { readyBefore: Date }): Promise<UnservedAgent[]>;
  /** Returns workers whose event loop was blocked, and resumed after `since`. */
  stalledWorkers(options: Since): Promise<StalledWorker[]>;
  /**
   * Returns lanes with a delivery that finally failed after `since`, and none delivered later; the first to fail comes
   * first. Tests are left out, and so are webhooks and keys that were deleted or revoked since.
   */
  failingWebhooks(options: Since): Promise<FailingWebhook[]>;
  /**
   * Returns the cost of the day of `now` by the Agent SDK's count and by Longhaul's own, for calls that both have
   * counted.
   */
  drift(now: Date): Promise<{ readonly sdkMicros: Micros; readonly ownMicros: Micros }>;
  /** Returns the budgets of the day and month of `now` of which at least `share` is used. */
  budgets(options: { now: Date; share: number }): Promise<BudgetUse[]>;
}
