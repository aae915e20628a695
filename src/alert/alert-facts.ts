import type { Micros } from '../core/money.ts';

/** Runs of one agent that ended in one way within the window. */
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
  /** Null when nothing but its attempts is known of it any more. */
  readonly host: string | null;
  /** Attempts that ended because it was gone. */
  readonly attempts: number;
}

/** A worker whose machine lacks something, so that it claims nothing, or nothing of one agent. */
export interface FaultyWorker {
  readonly id: string;
  readonly host: string;
  readonly fault: string;
}

/** Runs of an agent that are in line while no live worker takes runs of that agent. */
export interface UnservedAgent {
  readonly agent: string;
  /** Among the first 1,000 of their queue. */
  readonly runs: number;
}

/** A worker whose event loop stood still. */
export interface StalledWorker {
  readonly id: string;
  readonly host: string;
  /** For how long, the last time. */
  readonly stallMs: number;
}

/** A lane of webhooks, which is an endpoint or a host that a key's runs have named, whose last deliveries have failed for good. */
export interface FailingWebhook {
  readonly lane: string;
  /** Of the last that has failed. */
  readonly url: string;
  /** Null: the address was named by runs. */
  readonly webhookId: string | null;
  readonly keyId: string;
  /** Those that have failed. */
  readonly deliveries: number;
  /** Of the last answer; null when there was none. */
  readonly responseStatus: number | null;
  readonly lastAt: Date;
}

/** What stands on a budget's account: spent and set aside together. */
export interface BudgetUse {
  readonly scope: 'user' | 'team' | 'global';
  /** The user or the team; empty for all together. */
  readonly key: string;
  readonly period: 'day' | 'month';
  readonly usedMicros: Micros;
  readonly limitMicros: Micros;
}

/** A stretch of time: after `since`, up to `now`. */
export interface Since {
  readonly since: Date;
}

/** The figures that the rules judge, one function for each. */
export interface AlertFacts {
  /** What the day of `now` has cost so far, in the configured time zone. */
  costOfDay(now: Date): Promise<Micros>;
  /** The runs that ended after `since` and cost more than `overMicros`. */
  costlyRuns(
    options: Since & { overMicros: Micros },
  ): Promise<{ readonly id: string; readonly agent: string; readonly costMicros: Micros }[]>;
  /** What waits in each queue of the configuration. */
  queueDepths(): Promise<
    { readonly queue: string; readonly waiting: number; readonly oldestWaitSeconds: number | null }[]
  >;
  /** How the runs of each agent ended. Cancelled ones are left out: they say nothing of how well things work. */
  outcomes(options: Since): Promise<OutcomeCount[]>;
  hungRuns(options: Since): Promise<AttemptCount[]>;
  missingExecutables(options: Since): Promise<AttemptCount[]>;
  /** Workers that let a lease run out, and those whose heartbeat stopped after `since` and before `silentUntil` though they had not left. */
  lostWorkers(options: Since & { silentUntil: Date }): Promise<LostWorker[]>;
  /** Workers heard of after `since`, by whether their machines lack something; those that leave are left out. */
  faultyWorkers(options: Since): Promise<{ readonly faulty: readonly FaultyWorker[]; readonly sound: number }>;
  /**
   * Agents with runs in line since before `readyBefore`, which no worker heard of after `since` takes and nobody has
   * executed after `readyBefore`; those of paused queues are left out. None while there is a worker that does not say
   * whose runs it takes.
   */
  unservedAgents(options: Since & { readyBefore: Date }): Promise<UnservedAgent[]>;
  /** Workers whose event loop stood still, and went on after `since`. */
  stalledWorkers(options: Since): Promise<StalledWorker[]>;
  /**
   * Lanes of which a delivery has failed for good after `since`, and which have taken none later; the first to fail first.
   * Tests are left out, and what was removed or revoked since.
   */
  failingWebhooks(options: Since): Promise<FailingWebhook[]>;
  /** What the day of `now` cost by the Agent SDK's count and by Longhaul's own, of what both have counted. */
  drift(now: Date): Promise<{ readonly sdkMicros: Micros; readonly ownMicros: Micros }>;
  /** The budgets of the day and month of `now` of which at least `share` is used. */
  budgets(options: { now: Date; share: number }): Promise<BudgetUse[]>;
}
