import { randomUUID } from 'node:crypto';
import type { Breach, StopReason } from './agent-outcome.ts';
import type { AgentReport, AgentSpec } from './agent-spec.ts';
import { START_TIMEOUT_MS } from './claude-process.ts';
import type { ClaudeProcess, Prompt, Thrown } from './claude-spec.ts';
import { CONTINUATION, describeDecided, describeUnfinished } from './continuation.ts';
import { keepProcess } from './keep-process.ts';
import { createListener, type Listener } from './listener.ts';
import { judgeOutcome } from './outcome.ts';
import type { Progress } from './progress.ts';
import { settlesWithin } from '../core/settles-within.ts';
import type { ClaudeChild } from './spawn-claude.ts';
import type { Steering } from './steering.ts';
import { judgeStructuredOutput } from './structured-output.ts';
import { untilAborted } from './until-aborted.ts';
import { watchLimits } from './watch-limits.ts';

/** How long it may take to leave when it has said its last without a result. */
const EXIT_TIMEOUT_MS = 5_000;
/** How long the SDK may take to hand over the last words of a process that is gone. */
const LAST_WORDS_TIMEOUT_MS = 2_000;
/** How long the last entries of a transcript may take to be stored. */
const FLUSH_TIMEOUT_MS = 10_000;

interface ConverseOptions {
  readonly spec: AgentSpec;
  /** What is said into the conversation meanwhile. */
  readonly steering: Steering;
  /** Started, or about to be. */
  readonly claude: ClaudeProcess;
  /** What earlier attempts have come to. */
  readonly progress: Progress;
  /** Aborted with a `StopReason` when the process is to be ended. */
  readonly stopSignal: AbortSignal;
  /** Told about once a second what its processes hold resident, in bytes. */
  readonly onMemory: (bytes: number) => void;
}

/** Hands the prompt to a process, listens until the end, whatever brings it about, and judges how it went. */
export async function converse(options: ConverseOptions): Promise<Omit<AgentReport, 'durationMs'>> {
  const { spec, steering, claude, progress, stopSignal, onMemory } = options;
  const listener = createListener({ spec, steering, progress, hideResultPaths: claude.hideResultPaths });
  if (stopSignal.aborted) {
    await claude.close();
    return toReport({ ...options, ...NOTHING_SEEN, listener, thrown: null });
  }
  const stopped = untilAborted(stopSignal);
  claude.ask({
    // The run's id names its prompt in the transcript: so the next attempt knows that it was put.
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
  const watch = watchLimits({ spec, processId: claude.id, child, listener, onMemory });
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
  const peakMemoryBytes = watch.stop();
  // Nothing that matters follows a result, and what it has printed before is read.
  const isFinished = listener.result !== null;
  const hasLeft = child.hasExited;
  const seen = { ...options, listener, breach, isStartTimedOut, peakMemoryBytes };
  let isKept = false;
  if (isFinished && spec.keepProcess === true) {
    const { outcome } = toReport({ ...seen, child: null, thrown: null, keptProcess: null });
    const hasUsedTools = Object.keys(listener.toolUses).length > 0;
    isKept =
      outcome.status === 'succeeded' &&
      steering.isHeard &&
      (await keepProcess({ claude, child, hasUsedTools, memoryBytes: peakMemoryBytes })) &&
      !stopSignal.aborted;
  }
  if (!isKept) {
    // After a regular end too: a tool may have left a daemon behind.
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

/** What an attempt says first. */
function toWords(spec: AgentSpec, progress: Progress): Pick<Prompt, 'text' | 'uuid'> {
  if (!progress.isAsked) return { text: spec.prompt, uuid: spec.runId };
  return { text: CONTINUATION, uuid: randomUUID() };
}

function toNote({ decidedToolUses = [] }: AgentSpec, { unknownToolUses }: Progress): string | null {
  // Nobody let them begin: nothing about them is unknown.
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
  /** Whether it was ended, or kept, when it had said all: how it left says nothing then. */
  readonly isEndedAfterResult?: boolean;
  readonly peakMemoryBytes: number | null;
  readonly keptProcess: ClaudeProcess | null;
}

/** An attempt that has done something may have nothing to say of it, and one that answers in a form says it there. */
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
    usage: result?.usage ?? null,
    modelUsage: result?.modelUsage ?? null,
    isCostBasisUnknown: result?.isCostBasisUnknown ?? false,
    toolUses: listener.toolUses,
    permissionDenials: listener.permissionDenials,
    exitCode,
    signal,
    stderrTail,
    claudeCodeVersion,
    pid: child?.pid ?? null,
    peakMemoryBytes: facts.peakMemoryBytes,
    keptProcess: facts.keptProcess,
  };
}
