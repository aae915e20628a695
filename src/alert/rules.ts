import { errorRate } from './error-rate.ts';
import { executableMissing, hungRuns, queueDepth, workerLost, workerStalled } from './fleet-rules.ts';
import { budget100, budget80, dailyCost, drift, runCost } from './money-rules.ts';
import type { Rule } from './rule.ts';
import { webhookFailed } from './webhook-rules.ts';

/** Every rule there is. Names are stored data: chosen once. */
export const RULES: readonly Rule[] = [
  runCost,
  dailyCost,
  queueDepth,
  errorRate,
  hungRuns,
  workerLost,
  workerStalled,
  executableMissing,
  drift,
  budget80,
  budget100,
  webhookFailed,
];
