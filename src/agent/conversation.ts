import { query } from '@anthropic-ai/claude-agent-sdk';
import { toMessage } from '../core/errors.ts';
import { toStorable } from '../core/text.ts';
import { toAgentOptions } from './agent-options.ts';
import type { AgentReport, AgentSpec, StopReason } from './agent-spec.ts';
import type { Containment } from './containment.ts';
import { toEnvironment } from './environment.ts';
import { killAttempt } from './kill-processes.ts';
import { createListener, type Listener } from './listener.ts';
import { judgeOutcome } from './outcome.ts';
import type { Scratch } from './scratch.ts';
import { settlesWithin } from './settles-within.ts';
import { type ClaudeChild, spawnClaude } from './spawn-claude.ts';
import { terminate } from './terminate.ts';
import { toFields, toText } from './untyped.ts';
import { createWorkspaceGuard } from './workspace-guard.ts';

/** How long a process may take to say its first word. */
const START_TIMEOUT_MS = 30_000;
/** How long it may take to leave after its result. */
const EXIT_TIMEOUT_MS = 5_000;
/** How long the SDK may take to hand over the last words of a process that is gone. */
const LAST_WORDS_TIMEOUT_MS = 2_000;

interface ConverseOptions {
  readonly spec: AgentSpec;
  readonly executable: string;
  readonly containment: Containment;
  readonly scratch: Scratch;
  /** Aborted with a `StopReason` when the process is to be ended. */
  readonly stopSignal: AbortSignal;
}

/** Starts Claude Code on the prompt, listens until it is gone, whatever ends it, and judges how it went. */
export async function converse(options: ConverseOptions): Promise<Omit<AgentReport, 'durationMs'>> {
  const { spec, executable, containment, scratch, stopSignal } = options;
  const listener = createListener(spec);
  const spawned = Promise.withResolvers<ClaudeChild>();
  try {
    const conversation = query({
      prompt: spec.prompt,
      options: toAgentOptions({
        spec,
        executable,
        environment: toEnvironment({ spec, scratch, log: spec.log }),
        guard: createWorkspaceGuard({
          workspaceDir: spec.workspaceDir,
          onDenied: (denial) => listener.noteDenial(denial),
        }),
        spawn(request) {
          const child = spawnClaude({ request, containment });
          spawned.resolve(child);
          return child.process;
        },
      }),
    });
    const listening = listenTo(conversation, listener);
    const child = await Promise.race([spawned.promise, listening.then(() => null)]);
    if (child === null)
      return toReport({ ...options, listener, child, thrown: await listening, isStartTimedOut: false });

    const startTimeoutMs = spec.startTimeoutMs ?? START_TIMEOUT_MS;
    const stopped = untilAborted(stopSignal);
    const hasBegun = await settlesWithin(Promise.race([listener.firstWord, child.exited, stopped]), startTimeoutMs);
    const isStartTimedOut = !hasBegun;
    if (hasBegun) {
      await Promise.race([
        stopped,
        child.exited.then(() => settlesWithin(listening, LAST_WORDS_TIMEOUT_MS)),
        // Its end is awaited from the result on, or from the end of what it says without one.
        Promise.race([listener.resultCame, listening]).then(() => settlesWithin(child.exited, EXIT_TIMEOUT_MS)),
      ]);
    }
    const interrupt = stopSignal.aborted ? () => conversation.interrupt() : null;
    // After a regular end too: a tool may have left a daemon behind.
    await terminate({ child, attemptId: spec.attemptId, interrupt, log: spec.log });
    // What it said while dying counts: the result of a run that was just finished, the cost of one that was not.
    if (!(await settlesWithin(listening, LAST_WORDS_TIMEOUT_MS))) conversation.close();
    await settlesWithin(child.closed, LAST_WORDS_TIMEOUT_MS);
    const thrown = listener.isEnded ? await listening : null;
    return toReport({ ...options, listener, child, thrown, isStartTimedOut });
  } catch (error) {
    await killAttempt(spec.attemptId);
    throw error;
  }
}

interface Thrown {
  readonly errorClass: string | null;
  readonly message: string;
}

/** Hears every message to the end of the conversation. Gives what the SDK threw, or null. Never rejects. */
async function listenTo(conversation: AsyncIterable<unknown>, listener: Listener): Promise<Thrown | null> {
  try {
    for await (const message of conversation) listener.hear(message);
    return null;
  } catch (error) {
    // Present on the SDK's errors, though not in its types.
    return { errorClass: toText(toFields(error)['errorClass']), message: toStorable(toMessage(error)) };
  } finally {
    listener.end();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

interface ReportFacts extends ConverseOptions {
  readonly listener: Listener;
  readonly child: ClaudeChild | null;
  readonly thrown: Thrown | null;
  readonly isStartTimedOut: boolean;
}

function toReport({
  spec,
  stopSignal,
  listener,
  child,
  thrown,
  isStartTimedOut,
}: ReportFacts): Omit<AgentReport, 'durationMs'> {
  const { result, claudeCodeVersion } = listener;
  const exitCode = child?.exitCode ?? null;
  const signal = child?.signal ?? null;
  const stderrTail = child?.stderrTail() ?? '';
  return {
    outcome: judgeOutcome({
      result,
      thrown,
      assistantError: listener.assistantError,
      providerFailure: spec.providerFailure(),
      stopReason: stopSignal.aborted ? (stopSignal.reason as StopReason) : null,
      isInitialized: claudeCodeVersion !== null,
      isStartTimedOut,
      exitCode,
      signal,
      stderrTail,
    }),
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
  };
}
