import { errorRate } from './error-rate.ts';
import {
  agentUnserved,
  executableMissing,
  hungRuns,
  queueDepth,
  workerFault,
  workerLost,
  workerStalled,
} from './fleet-rules.ts';
import { budget100, budget80, dailyCost, drift, runCost } from './money-rules.ts';
import type { Rule } from './rule.ts';
import { webhookFailed } from './webhook-rules.ts';

/** The alert rules. Names are stored data: chosen once. */
export const RULES: readonly Rule[] = [
  runCost,
  dailyCost,
  queueDepth,
  errorRate,
  hungRuns,
  workerLost,
  workerStalled,
  executableMissing,
  workerFault,
  agentUnserved,
  drift,
  budget80,
  budget100,
  webhookFailed,
];
