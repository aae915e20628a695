import { randomUUID } from 'node:crypto';
import type { Breach, StopReason, Thrown } from './outcome/agent-outcome.ts';
import type { AgentReport, AgentSpec } from './agent-spec.ts';
import { START_TIMEOUT_MS } from './process/claude-readiness.ts';
import type { ClaudeProcess, Prompt } from './process/claude-spec.ts';
import { CONTINUATION, describeDecided, describeUnfinished } from './transcript/continuation.ts';
import { LAST_WORDS_TIMEOUT_MS } from './process/end-claude.ts';
import { keepConversation, keepProcess } from './process/keep-process.ts';
import { createListener, type Listener } from './listener.ts';
import { judgeOutcome } from './outcome/outcome.ts';
import type { Progress } from './transcript/progress.ts';
import { settlesWithin } from '../core/settles-within.ts';
import type { ClaudeChild } from './process/spawn-claude.ts';
import type { Steering } from './process/steering.ts';
import { judgeStructuredOutput } from './outcome/structured-output.ts';
import { untilAborted } from './until-aborted.ts';
import { watchLimits } from './watch-limits.ts';

/** Time within which the process must exit after its last message when no result came. */
const EXIT_TIMEOUT_MS = 5_000;
/** Time within which the last entries of a transcript must be stored. */
const FLUSH_TIMEOUT_MS = 10_000;

interface ConverseOptions {
  readonly spec: AgentSpec;
  /** Sends messages to the conversation while it runs. */
  readonly steering: Steering;
  /** Started, or about to start. */
  readonly claude: ClaudeProcess;
  /** The progress of earlier attempts. */
  readonly progress: Progress;
  /** Aborted with a `StopReason` when the process must end. */
  readonly stopSignal: AbortSignal;
  /** Called about once a second with the resident memory of its processes, in bytes. */
  readonly onMemory: (bytes: number) => void;
}

/** Hands the prompt to a process, receives its messages until it ends for whatever reason, and judges the outcome. */
export async function converse(options: ConverseOptions): Promise<Omit<AgentReport, 'durationMs'>> {
  const { spec, steering, claude, progress, stopSignal, onMemory } = options;
  const { hideResultPaths, spent: spentBefore } = claude;
  const listener = createListener({ spec, steering, progress, hideResultPaths, spentBefore });
  if (stopSignal.aborted) {
    await claude.close();
    return toReport({ ...options, ...NOTHING_SEEN, listener, thrown: null });
  }
  const stopped = untilAborted(stopSignal);
  claude.ask({
    // The run's id names its prompt in the transcript, so that the next attempt knows that the prompt was sent.
    ...toWords(spec, progress),
    note: toNote(spec, progress),
    transcript: spec.transcript ?? null,
    receiver: listener,
  });
  steering.attach({ tell: (message) => claude.tell(message), isAtTool: () => listener.isAtTool });
  const launch = await Promise.race([claude.launched, stopped.then(() => null)]);
  if (launch === null || !('child' in launch)) {
    await claude.close();
    const thrown = launch !== null && 'thrown' in launch ? launch.thrown : null;
    const report = toReport({ ...options, ...NOTHING_SEEN, listener, thrown });
    return launch !== null && 'refusal' in launch ? { ...report, outcome: launch.refusal } : report;
  }

  const { child } = launch;
  const watch = watchLimits({ spec, processId: claude.id, isUsed: claude.useCount > 1, child, listener, onMemory });
  let breach: Breach | null = null;
  const breached = Promise.race([watch.breached, listener.broken]).then((found) => void (breach = found));
  const startTimeoutMs = spec.startTimeoutMs ?? START_TIMEOUT_MS;
  const hasBegun = Promise.race([listener.firstWord, child.exited, breached, stopped]);
  const isStartTimedOut = !(await settlesWithin(hasBegun, startTimeoutMs));
  if (!isStartTimedOut) {
    await Promise.race([
      stopped,
      breached,
      listener.resultCame,
      child.exited.then(() => settlesWithin(claude.listened, LAST_WORDS_TIMEOUT_MS)),
      claude.listened.then(() => settlesWithin(child.exited, EXIT_TIMEOUT_MS)),
    ]);
  }
  const { peakBytes: peakMemoryBytes, breach: lastBreach } = watch.stop();
  breach ??= lastBreach;
  // Nothing important follows a result, and all messages before it have been read.
  const isFinished = listener.result !== null;
  const hasLeft = child.hasExited;
  const seen = { ...options, listener, breach, isStartTimedOut, peakMemoryBytes };
  const isKept = isFinished && (await tryToKeep(seen, child));
  if (!isKept) {
    // Also after a regular end: a tool may have left a daemon behind.
    const isCutShort = stopSignal.aborted || breach !== null;
    await claude.end({ isFinished, resultCame: isCutShort ? listener.resultCame : null });
    if (stopSignal.reason !== 'lease_lost') await flush(claude);
  }
  return toReport({
    ...seen,
    child,
    isEndedAfterResult: listener.result !== null && !hasLeft,
    thrown: await Promise.race([claude.listened, Promise.resolve(null)]),
    keptProcess: isKept ? claude : null,
  });
}

/** Prepares the process for another attempt. Returns false when that is not wanted or not possible. */
async function tryToKeep(
  seen: Omit<ReportFacts, 'child' | 'thrown' | 'keptProcess'>,
  child: ClaudeChild,
): Promise<boolean> {
  const { spec, steering, claude, stopSignal, listener, peakMemoryBytes } = seen;
  const { outcome } = toReport({ ...seen, child: null, thrown: null, keptProcess: null });
  if (outcome.status !== 'succeeded' || !steering.isHeard) return false;
  const keep = spec.keepConversation?.() === true ? keepConversation : spec.keepProcess === true ? keepProcess : null;
  if (keep === null) return false;
  const { toolUses, hasChangedModel } = listener;
  const usedTools = Object.keys(toolUses);
  const isReady = await keep({ claude, child, usedTools, hasChangedModel, memoryBytes: peakMemoryBytes });
  return isReady && !stopSignal.aborted;
}

/** Builds the first message of an attempt. */
function toWords(spec: AgentSpec, progress: Progress): Pick<Prompt, 'text' | 'parts' | 'uuid'> {
  if (!progress.isAsked) return { text: spec.prompt, parts: spec.promptParts ?? null, uuid: spec.runId };
  return { text: CONTINUATION, uuid: randomUUID() };
}

function toNote({ decidedToolUses = [] }: AgentSpec, { unknownToolUses }: Progress): string | null {
  // These uses were never allowed to begin, so nothing about them is unknown.
  const waited = new Set(decidedToolUses.map(({ toolUseId }) => toolUseId));
  const unknown = unknownToolUses.filter(({ toolUseId }) => !waited.has(toolUseId));
  const notes = [describeUnfinished(unknown), describeDecided(decidedToolUses)].filter((note) => note !== null);
  return notes.length === 0 ? null : notes.join('\n\n');
}

async function flush(claude: ClaudeProcess): Promise<void> {
  await settlesWithin(claude.flush(), FLUSH_TIMEOUT_MS);
}

interface ReportFacts extends ConverseOptions {
  readonly listener: Listener;
  readonly child: ClaudeChild | null;
  readonly thrown: Thrown | null;
  readonly breach: Breach | null;
  readonly isStartTimedOut: boolean;
  /** True when the process was ended or kept after its last message: its exit then means nothing. */
  readonly isEndedAfterResult?: boolean;
  readonly peakMemoryBytes: number | null;
  readonly keptProcess: ClaudeProcess | null;
}

/**
 * Returns whether the run must answer with text: an attempt that used tools may end without text, and a structured
 * answer has none.
 */
function needsAnswer({ spec, listener, progress }: ReportFacts): boolean {
  const hasUsedTools = progress.hasUsedTools || Object.keys(listener.toolUses).length > 0;
  return !hasUsedTools && spec.agent.outputSchema === null;
}

const NOTHING_SEEN = { child: null, breach: null, isStartTimedOut: false, peakMemoryBytes: null, keptProcess: null };

function toReport(facts: ReportFacts): Omit<AgentReport, 'durationMs'> {
  const { spec, stopSignal, listener, child, thrown, breach, isStartTimedOut, isEndedAfterResult } = facts;
  const { result, claudeCodeVersion } = listener;
  const exitCode = isEndedAfterResult ? null : (child?.exitCode ?? null);
  const signal = isEndedAfterResult ? null : (child?.signal ?? null);
  const stderrTail = child?.stderrTail() ?? '';
  return {
    outcome: judgeStructuredOutput(
      judgeOutcome({
        result,
        answer: listener.answer,
        needsAnswer: needsAnswer(facts),
        lastStopReason: listener.stopReason,
        refusalCategory: listener.refusalCategory,
        thrown,
        assistantError: listener.assistantError,
        providerFailure: spec.providerFailure(),
        stopReason: stopSignal.aborted ? (stopSignal.reason as StopReason) : null,
        breach,
        isInitialized: claudeCodeVersion !== null,
        isStartTimedOut,
        exitCode,
        signal,
        stderrTail,
      }),
      spec.agent.outputSchema,
    ),
    turns: listener.turns,
    costMicros: result?.costMicros ?? null,
    modelUsage: result?.modelUsage ?? null,
    toolUses: listener.toolUses,
    exitCode,
    signal,
    stderrTail,
    claudeCodeVersion,
    peakMemoryBytes: facts.peakMemoryBytes,
    keptProcess: facts.keptProcess,
  };
}
