import { toMessage } from '../core/errors.ts';
import { toStorable } from '../core/text.ts';
import type { AgentOutcome, AgentReport, AgentSpec, StopReason } from './agent-spec.ts';
import { findContainment } from './containment.ts';
import { converse } from './conversation.ts';
import { preflight } from './preflight.ts';
import { createScratch, type Scratch } from './scratch.ts';

export type { AgentReport, AgentSpec, StopReason } from './agent-spec.ts';

/** A Claude Code process at work on one attempt. */
export interface AgentProcess {
  /** How it went. Never rejects; settles when every process of the attempt is gone. */
  readonly done: Promise<AgentReport>;
  /** Ends it and all it has started, within 15 s. Resolves when the tree is gone; of several reasons the first counts. */
  stop(reason: StopReason): Promise<void>;
}

/** Executes one attempt with Claude Code. Never throws: every failure is in the report. */
export function startAgentProcess(spec: AgentSpec): AgentProcess {
  const stopping = new AbortController();
  const timeoutMs = Math.min(spec.limits.timeoutSeconds * 1_000, MAX_TIMER_MS);
  const timer = timeoutMs > 0 ? setTimeout(() => stopping.abort('run_timeout'), timeoutMs) : undefined;
  const done = execute(spec, stopping.signal).finally(() => clearTimeout(timer));
  return {
    done,
    async stop(reason) {
      stopping.abort(reason);
      await done;
    },
  };
}

/** Node takes a longer one for no time at all. */
const MAX_TIMER_MS = 2 ** 31 - 1;

async function execute(spec: AgentSpec, stopSignal: AbortSignal): Promise<AgentReport> {
  const startedAt = performance.now();
  const report = (outcome: AgentOutcome, rest: Partial<AgentReport> = {}): AgentReport => ({
    ...NOTHING_DONE,
    ...rest,
    outcome,
    durationMs: Math.round(performance.now() - startedAt),
  });
  let scratch: Scratch | undefined;
  try {
    const ready = await preflight(spec);
    if ('status' in ready) return report(ready);
    scratch = await createScratch(spec);
    const containment = spec.containment ?? (await findContainment());
    if (stopSignal.aborted) return report({ status: 'stopped', reason: stopSignal.reason as StopReason });
    const { outcome, ...rest } = await converse({
      spec,
      executable: ready.executable,
      containment,
      scratch,
      stopSignal,
    });
    return report(outcome, rest);
  } catch (error) {
    spec.log?.error({ attemptId: spec.attemptId, error: toMessage(error) }, 'an attempt could not be executed');
    return report({ status: 'failed', code: 'cli_start_failed', detail: toStorable(toMessage(error)) });
  } finally {
    await scratch?.remove();
  }
}

/** The report of an attempt that had no process, but for how it ended and how long that took. */
export const NOTHING_DONE: Omit<AgentReport, 'outcome' | 'durationMs'> = {
  turns: 0,
  costMicros: null,
  usage: null,
  modelUsage: null,
  toolUses: {},
  permissionDenials: 0,
  exitCode: null,
  signal: null,
  stderrTail: '',
  claudeCodeVersion: null,
  pid: null,
};
