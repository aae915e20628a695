import type { Redis } from 'ioredis';
import type { JobsOptions } from 'bullmq';
import { today, type Submission } from './read-prompt.ts';
import { ATTEMPTS, RETRY_DELAY_SECONDS } from './settings.ts';

/** The data of a job. */
export type RunData = Submission;

/** The return value of a job. */
export interface RunResult {
  readonly text: string;
  readonly costUsd: number;
}

export const QUEUE = 'agent-runs';

export const JOB_OPTIONS: JobsOptions = {
  attempts: ATTEMPTS,
  backoff: { type: 'exponential', delay: RETRY_DELAY_SECONDS * 1_000 },
  removeOnComplete: { age: 7 * 86_400 },
  removeOnFail: { age: 7 * 86_400 },
};

/** The channel of pub/sub on which a worker publishes the progress of a run. */
export function channelOf(runId: string): string {
  return `run:${runId}`;
}

const spendingKey = () => `spent:${today()}`;

/** Adds the dollars of a run to those of the day. */
export async function addSpending(redis: Redis, costUsd: number): Promise<void> {
  await redis.incrbyfloat(spendingKey(), costUsd);
  await redis.expire(spendingKey(), 2 * 86_400);
}

/** Returns whether the runs that have ended today have spent the budget. */
export async function isBudgetSpent(redis: Redis, dayBudgetUsd: number): Promise<boolean> {
  return Number((await redis.get(spendingKey())) ?? 0) >= dayBudgetUsd;
}
