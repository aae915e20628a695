import { toMessage } from '../core/errors.ts';
import { toStorable } from '../core/text.ts';
import { after } from '../core/timers.ts';
import type { AgentOutcome, StopReason } from './outcome/agent-outcome.ts';
import type { AgentReport, AgentSpec } from './agent-spec.ts';
import { createAnswer } from './messages/answer.ts';
import { startClaude, type ClaudeProcess } from './process/claude-process.ts';
import { converse } from './conversation.ts';
import { answerDeferred } from './transcript/deferred-tool-use.ts';
import { findProgress, NO_PROGRESS, type Progress } from './transcript/progress.ts';
import { createSteering, type Steering, type SteeringMessage } from './process/steering.ts';
import { untilAborted } from './until-aborted.ts';

export type { StopReason } from './outcome/agent-outcome.ts';
export type { AgentReport, AgentSpec } from './agent-spec.ts';
export type { Telemetry } from './process/claude-spec.ts';

/** A Claude Code process that works on one attempt. */
export interface AgentProcess {
  /** The report of the attempt. Never rejects; settles when every process of the attempt has ended. */
  readonly done: Promise<AgentReport>;
  /** Resident memory of all its processes at the last sample, about a second ago; null before and after the attempt. */
  readonly residentBytes: number | null;
  /** Sends a message to the conversation: the model reads it with the result of the next tool, or never. */
  say(message: SteeringMessage): void;
  /**
   * Ends the process and everything it has started, within 15 s. Resolves when the process tree has ended; the first of
   * several reasons counts.
   */
  stop(reason: StopReason): Promise<void>;
}

/** Executes one attempt with Claude Code. Never throws: every failure is in the report. */
export function startAgentProcess(spec: AgentSpec): AgentProcess {
  const stopping = new AbortController();
  const timeoutMs = spec.limits.timeoutSeconds * 1_000;
  const timer = timeoutMs > 0 ? after(timeoutMs, () => stopping.abort('run_timeout')) : undefined;
  const steering = createSteering({ onTakenUp: (id) => spec.onMessageTakenUp?.(id) });
  let residentBytes: number | null = null;
  const onMemory = (bytes: number) => void (residentBytes = bytes);
  const done = execute({ spec, steering, stopSignal: stopping.signal, onMemory }).finally(() => {
    clearTimeout(timer);
    residentBytes = null;
  });
  return {
    done,
    get residentBytes() {
      return residentBytes;
    },
    say: (message) => steering.say(message),
    async stop(reason) {
      stopping.abort(reason);
      await done;
    },
  };
}

interface ExecuteOptions {
  readonly spec: AgentSpec;
  readonly steering: Steering;
  readonly stopSignal: AbortSignal;
  readonly onMemory: (bytes: number) => void;
}

async function execute({ spec, steering, stopSignal, onMemory }: ExecuteOptions): Promise<AgentReport> {
  const startedAt = performance.now();
  const report = (outcome: AgentOutcome, rest: Partial<AgentReport> = {}): AgentReport => ({
    ...NOTHING_DONE,
    ...rest,
    outcome,
    durationMs: Math.round(performance.now() - startedAt),
  });
  const stopped = untilAborted(stopSignal).then(() => NO_PROGRESS);
  try {
    const warm = findWarm(spec);
    const progress = warm !== null ? NO_PROGRESS : await Promise.race([lookBack(spec), stopped]);
    for (const event of progress.abandoned) spec.onEvent(event);
    if (isFinished(spec, progress)) {
      await spec.process?.close();
      return report({ status: 'succeeded', result: createAnswer(progress.answer).text });
    }
    // At once: a process that ends from now on fails its attempt, as it would at any later moment.
    const claude = warm ?? (await findProcess(spec, progress.isBegun));
    const { outcome, ...rest } = await converse({ spec, steering, claude, progress, stopSignal, onMemory });
    return report(outcome, rest);
  } catch (error) {
    spec.log?.error({ attemptId: spec.attemptId, error: toMessage(error) }, 'an attempt could not be executed');
    await spec.process?.close();
    return report({ status: 'failed', code: 'cli_start_failed', detail: toStorable(toMessage(error)) });
  }
}

/** Returns the given process if it waits with the conversation. */
function findWarm({ process, hasConversation = false }: AgentSpec): ClaudeProcess | null {
  return hasConversation && process?.isFree === true ? process : null;
}

function lookBack(spec: AgentSpec): Promise<Progress> {
  const { isResumed, transcript = null, runId, unfinishedToolUses = [], saidBefore = [] } = spec;
  return findProgress({ transcript: isResumed === true ? transcript : null, runId, unfinishedToolUses, saidBefore });
}

/**
 * Returns whether the conversation needs no further call: its process was lost after the answer and before the result.
 * To continue would make the model answer a second time. A hook of the project might have sent the model back to work,
 * and a structured answer is not text.
 */
function isFinished({ agent, decidedToolUses = [] }: AgentSpec, { isAnswered }: Progress): boolean {
  return isAnswered && decidedToolUses.length === 0 && agent.outputSchema === null && agent.settingSources.length === 0;
}

/** Returns the given process if it can be used, or starts one. */
async function findProcess(spec: AgentSpec, isBegun: boolean): Promise<ClaudeProcess> {
  const { process: given = null, transcript = null, attemptId, claudeSessionId = spec.sessionId } = spec;
  if (given?.isFree === true && !isBegun && spec.hasConversation !== true) return given;
  await given?.close();
  const resumeFrom = isBegun && transcript !== null ? answerDeferred(transcript) : null;
  return startClaude({ ...spec, processId: attemptId, claudeSessionId, resumeFrom });
}

/** The report of an attempt without a process, except for its outcome and duration. */
export const NOTHING_DONE: Omit<AgentReport, 'outcome' | 'durationMs'> = {
  turns: 0,
  costMicros: null,
  modelUsage: null,
  toolUses: {},
  exitCode: null,
  signal: null,
  stderrTail: '',
  claudeCodeVersion: null,
  peakMemoryBytes: null,
  keptProcess: null,
};
