import type { FieldError } from '../core/errors.ts';
import type { Agent, Config } from './config.ts';

interface TimeoutChain {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly worker: Config['worker'];
  /** True when `LONGHAUL_RUN_TIMEOUT_SECONDS` set the run timeout. */
  readonly isTimeoutFromVariable: boolean;
}

/**
 * Checks that the timeouts expire in the right order: each layer must give up before the layer around it, or a layer
 * that cannot record the end kills the run.
 * Run timeout (120) < queue expiry (180) < drain timeout (200) < supervisor stop wait (210), in seconds.
 */
export function findTimeoutChainErrors({ agents, worker, isTimeoutFromVariable }: TimeoutChain): FieldError[] {
  const expiry = { path: 'worker.expireSeconds', seconds: worker.expireSeconds };
  const runTimeouts = [...agents.values()].map((agent) => ({
    path: isTimeoutFromVariable ? 'LONGHAUL_RUN_TIMEOUT_SECONDS' : `agents.${agent.name}.limits.timeoutSeconds`,
    seconds: agent.limits.timeoutSeconds,
  }));
  const drain = { path: 'worker.drainTimeoutSeconds', seconds: worker.drainTimeoutSeconds };
  const stopWait = { path: 'worker.stopWaitSeconds', seconds: worker.stopWaitSeconds };
  const pairs = [
    ...(isTimeoutFromVariable ? runTimeouts.slice(0, 1) : runTimeouts).map((timeout) => [timeout, expiry] as const),
    [expiry, drain] as const,
    [drain, stopWait] as const,
  ];
  return pairs
    .filter(([inner, outer]) => inner.seconds >= outer.seconds)
    .map(([inner, outer]) => ({
      path: inner.path,
      message: `is ${inner.seconds} and must be less than ${outer.path}, which is ${outer.seconds}: lower the first or raise the second (run timeout < worker.expireSeconds < worker.drainTimeoutSeconds < worker.stopWaitSeconds)`,
    }));
}
