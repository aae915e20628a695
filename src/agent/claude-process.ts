import { query, type Query } from '@anthropic-ai/claude-agent-sdk';
import type { ToolRun } from '../config/tool-hooks.ts';
import { toMessage } from '../core/errors.ts';
import { findMachineFault } from '../core/machine-fault.ts';
import { inBackground } from '../core/guard.ts';
import { toStorable } from '../core/text.ts';
import type { Breach, Refusal } from './agent-outcome.ts';
import { toAgentOptions } from './agent-options.ts';
import type { ClaudeProcess, ClaudeSpec, Ending, Launch, Receiver, Thrown } from './claude-spec.ts';
import { refuseClosedToRoot } from './closed-to-root.ts';
import { dropsCapabilities, findContainment } from './containment.ts';
import { toEnvironment } from './environment.ts';
import { hidePlaces } from './hide-places.ts';
import { killAttempt } from './kill-processes.ts';
import { checkMcpServers, toMcpServers } from './mcp-servers.ts';
import { judgeOutcome } from './outcome.ts';
import { NOTHING_HIDDEN } from './places.ts';
import { preflight } from './preflight.ts';
import { createPromptQueue, toCommand, toPrompt } from './prompt-queue.ts';
import { createScratch, toScratchRoot, type Scratch } from './scratch.ts';
import { createConversationStore } from './session-store.ts';
import { settlesWithin } from '../core/settles-within.ts';
import { type ClaudeChild, spawnClaude } from './spawn-claude.ts';
import { terminate } from './terminate.ts';
import { createToolResults } from './tool-results.ts';
import { createToolUseGate } from './tool-use-gate.ts';
import { toFields, toText } from '../core/untyped.ts';

export type { ClaudeProcess, ClaudeSpec } from './claude-spec.ts';

/** Time within which a process must send its first message. */
export const START_TIMEOUT_MS = 30_000;
/** Time within which the SDK must deliver the last messages of a process that has ended. */
const LAST_WORDS_TIMEOUT_MS = 2_000;
/** A reset takes 25 ms. */
const RESET_TIMEOUT_MS = 2_000;

/** Starts Claude Code without a prompt. Never throws: failures are in `ready`. */
export function startClaude(spec: ClaudeSpec): ClaudeProcess {
  const { processId, log } = spec;
  const startedAtMs = performance.now();
  const prompts = createPromptQueue();
  const toolResults = createToolResults({ root: toScratchRoot(spec), log });
  const store = createConversationStore({ ...spec, toolResults });
  const spawned = Promise.withResolvers<ClaudeChild>();
  const firstWord = Promise.withResolvers<void>();
  const listened = Promise.withResolvers<Thrown | null>();
  let conversation: Query | null = null;
  let child: ClaudeChild | null = null;
  let scratch: Scratch | null = null;
  /** The original error, which the SDK wraps in its own message. */
  let spawnFailure: unknown = null;
  /** The attempt that the process works for. */
  let receiver: Receiver | null = null;
  /** The receiver of its messages: the attempt, or this file while the process clears the last conversation. */
  let hearer: Pick<Receiver, 'hear'> | null = null;
  let useCount = 0;
  let ending: Promise<void> | null = null;
  /** Aborted at the end of the process, so that a running hook learns of it. */
  const ended = new AbortController();

  async function launch(): Promise<Launch> {
    const found = await preflight(spec);
    if ('status' in found) return { refusal: found };
    const { workspaceDir } = spec;
    const containment = spec.containment ?? (await findContainment());
    const closed = dropsCapabilities(containment) ? await refuseClosedToRoot(spec) : null;
    if (closed !== null) return { refusal: closed };
    const mcp = toMcpServers(spec.agent, currentRun);
    if ('refusal' in mcp) return mcp;
    scratch = await createScratch(spec);
    const { executable } = found;
    if (spec.resumeFrom?.loadFiles) await toolResults.restore(await spec.resumeFrom.loadFiles(), spec.claudeSessionId);
    const places = (await spec.findPlaces?.()) ?? NOTHING_HIDDEN;
    const hide = await hidePlaces({ places, scratch, workspaceDir, executable, processId });
    if (ending !== null) return { refusal: notStarted('it was ended before it was started') };
    // With a stream of prompts the executable starts at once, and is ready before the first prompt.
    conversation = query({
      prompt: prompts,
      options: toAgentOptions({
        spec,
        executable,
        environment: toEnvironment({ spec, scratch, log }),
        gate: createToolUseGate({
          agent: spec.agent,
          workspaceDir,
          toolResults,
          receiver: () => receiver,
          endSignal: ended.signal,
          log,
        }),
        mcpServers: mcp.servers,
        store: store.sdkStore,
        spawn(request) {
          // For a resumed conversation, the SDK makes its own configuration directory.
          const configDir = request.env['CLAUDE_CONFIG_DIR'];
          try {
            const mountTable = hide(configDir ?? workspaceDir);
            if (configDir !== undefined) toolResults.useConfigDir(configDir);
            child = spawnClaude({ request, containment, mountTable });
          } catch (error) {
            spawnFailure = error;
            throw error;
          }
          spawned.resolve(child);
          return child.process;
        },
      }),
    });
    conversation.initializationResult().then(
      () => firstWord.resolve(),
      () => undefined, // `listen` reports the failure.
    );
    const spoken = conversation;
    inBackground(() => listen(spoken));
    return Promise.race([
      spawned.promise.then((started) => ({ child: started })),
      listened.promise.then((thrown) => ({ thrown })),
    ]);
  }

  function currentRun(): ToolRun {
    if (receiver === null) throw new Error('No run is in progress. Call this only from a tool while it runs.');
    return receiver.run;
  }

  /** Returns the reason why the process cannot work for its agent, or null. */
  async function findUnfit(): Promise<Breach | null> {
    if (spec.agent.mcpServers.length === 0) return null;
    await launched;
    if (conversation === null || child === null) return null;
    try {
      await conversation.initializationResult();
      return await checkMcpServers(spec.agent, conversation);
    } catch (error) {
      // When the process has ended, its own messages say more than this error.
      if (await settlesWithin(child.exited, LAST_WORDS_TIMEOUT_MS)) return null;
      return {
        code: 'mcp_server_failed',
        detail: `the status of the MCP servers could not be read: ${toStorable(toMessage(error))}`,
      };
    }
  }

  /** Receives every message until the process ends. */
  async function listen(messages: AsyncIterable<unknown>): Promise<void> {
    let thrown: Thrown | null = null;
    try {
      for await (const message of messages) {
        firstWord.resolve();
        hearer?.hear(message);
      }
    } catch (error) {
      // Present on the SDK's errors, though not in its types.
      thrown = {
        errorClass: toText(toFields(error)['errorClass']),
        message: toStorable(toMessage(error)),
        fault: findMachineFault(child?.failure) ?? findMachineFault(spawnFailure) ?? findMachineFault(error),
      };
    }
    listened.resolve(thrown);
  }

  const launched = launch().catch(async (error: unknown): Promise<Launch> => {
    log?.error({ processId, error: toMessage(error) }, 'a process could not be started');
    await killAttempt(processId);
    const fault = findMachineFault(spawnFailure) ?? findMachineFault(error);
    return { refusal: { ...notStarted(toStorable(toMessage(error))), ...(fault !== null && { fault }) } };
  });

  async function findReadiness(): Promise<Refusal | null> {
    const launch = await launched;
    if ('refusal' in launch) {
      if (useCount === 0) await close();
      return launch.refusal;
    }
    const started = 'child' in launch ? launch.child : null;
    const hasSpoken = firstWord.promise.then(() => true);
    const hasEnded = Promise.all([started?.exited, listened.promise]).then(() => false);
    const spoke = Promise.race([hasSpoken, hasEnded]);
    const isInTime = await settlesWithin(spoke, spec.startTimeoutMs ?? START_TIMEOUT_MS);
    const isAlive = isInTime && (await spoke) && started?.hasExited === false;
    const unfit = isAlive ? await findUnfit() : null;
    if (isAlive && unfit === null && !started.hasExited) return null;
    if (unfit !== null && !started?.hasExited) {
      if (useCount === 0) await close();
      return { status: 'failed', ...unfit };
    }
    const thrown = isInTime ? await listened.promise : null;
    // A process that already has a prompt is ended by its attempt.
    if (useCount === 0) await close();
    return judgeOutcome({
      result: null,
      answer: '',
      needsAnswer: false,
      lastStopReason: null,
      refusalCategory: null,
      thrown,
      assistantError: null,
      providerFailure: null,
      stopReason: null,
      breach: null,
      isInitialized: false,
      isStartTimedOut: !isInTime,
      exitCode: started?.exitCode ?? null,
      signal: started?.signal ?? null,
      stderrTail: started?.stderrTail() ?? '',
    }) as Refusal;
  }

  const close = () => end({ isFinished: true });

  function end(how: Ending): Promise<void> {
    ended.abort();
    ending ??= endOnce(how).catch((error: unknown) => {
      log?.error({ processId, error: toMessage(error) }, 'a process could not be ended cleanly');
    });
    return ending;
  }

  async function endOnce({ isFinished, resultCame = null }: Ending): Promise<void> {
    const launch = await launched;
    try {
      if (!('child' in launch)) return;
      const interrupt = resultCame && (() => Promise.resolve(conversation?.interrupt()).then(() => resultCame));
      await terminate({ child: launch.child, processId, isFinished, interrupt, log });
      // Its last messages count: the result of a run that just finished, or the cost of a run that did not.
      const isHeard = await settlesWithin(listened.promise, LAST_WORDS_TIMEOUT_MS);
      if (!isHeard) conversation?.close();
      await settlesWithin(launch.child.closed, LAST_WORDS_TIMEOUT_MS);
    } finally {
      prompts.end();
      await store.untilRead();
      await scratch?.remove();
    }
  }

  async function reset(): Promise<boolean> {
    const done = Promise.withResolvers<void>();
    let isForgotten = false;
    let claudeSessionId: string | null = null;
    receiver = null;
    hearer = {
      hear(message) {
        const fields = toFields(message);
        if (fields['type'] === 'conversation_reset') isForgotten = true;
        if (fields['type'] !== 'result') return;
        // Not the reset's `new_conversation_id`, under which nothing is written.
        claudeSessionId = toText(fields['session_id']);
        done.resolve();
      },
    };
    prompts.push(toCommand('/clear'));
    // Entries so far belong to the transcript that this process is taken from.
    const isOver = Promise.all([Promise.race([done.promise, listened.promise]), store.flush()]);
    const isInTime = await settlesWithin(isOver, RESET_TIMEOUT_MS);
    if (!isInTime || !isForgotten || claudeSessionId === null || child?.hasExited !== false || ending !== null)
      return false;
    store.startNext(claudeSessionId);
    hearer = null;
    return true;
  }

  return {
    id: processId,
    spec,
    ready: findReadiness(),
    get isFree() {
      return hearer === null && ending === null && child?.hasExited !== true;
    },
    exited: launched.then((launch) => ('child' in launch ? launch.child.exited : undefined)),
    close,
    launched,
    hideResultPaths: toolResults.hide,
    startedAtMs,
    get useCount() {
      return useCount;
    },
    ask(prompt) {
      useCount += 1;
      receiver = prompt.receiver;
      hearer = receiver;
      store.bind(prompt.transcript);
      // At once when there are no servers to check: one step later would delay the first text.
      if (spec.agent.mcpServers.length === 0) return prompts.push(toPrompt(prompt));
      inBackground(async () => {
        const unfit = await findUnfit();
        if (unfit === null) prompts.push(toPrompt(prompt));
        else prompt.receiver.noteUnfit(unfit);
      });
    },
    tell: ({ id, text }) => prompts.push(toPrompt({ text, note: null, uuid: id })),
    listened: listened.promise,
    flush: store.flush,
    end,
    reset,
  };
}

function notStarted(detail: string): Refusal {
  return { status: 'failed', code: 'cli_start_failed', detail };
}
