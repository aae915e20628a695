import type { HookCallback, HookJSONOutput, PostToolUseHookInput } from '@anthropic-ai/claude-agent-sdk';
import type { Agent } from '../config/config.ts';
import type { AfterToolDecision, ToolHookContext } from '../config/tool-hooks.ts';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { after as startTimer } from '../core/timers.ts';
import type { Receiver } from './claude-spec.ts';
import { replaceToolOutput, type ReplacedOutput } from './replace-tool-output.ts';
import { OUTPUT_TOOL, toToolUse, type ToolUse, type ToolUseDecision } from './tool-use.ts';
import { toFields, toText } from '../core/untyped.ts';

interface HookRunnerOptions {
  readonly agent: Agent;
  readonly receiver: () => Receiver | null;
  readonly endSignal: AbortSignal;
  readonly log?: Logger | undefined;
}

interface HookRunner {
  /** Asks `beforeToolUse`. Nothing when there is none, or it has nothing to say. Never rejects. */
  before(use: ToolUse, given: { attempt: Receiver; signal: AbortSignal }): Promise<ToolUseDecision | undefined>;
  /** Tells `afterToolUse`, as a hook of the SDK. Never rejects. */
  readonly after: HookCallback;
}

/**
 * Calls the functions that an agent's config names before and after the use of a tool. Those are not ours: what they
 * throw, answer or leave undone fails the tool use, never the worker. What went wrong is for the log, with no word of
 * the tool's input; the model learns that it did.
 */
export function createHookRunner({ agent, receiver, endSignal, log }: HookRunnerOptions): HookRunner {
  const { beforeToolUse, afterToolUse } = agent.hooks;

  async function call<T>(
    hook: (signal: AbortSignal) => T | Promise<T>,
    { name, tool, attempt, signal }: { name: string; tool: string; attempt: Receiver; signal: AbortSignal },
  ): Promise<{ answer: T } | null> {
    const late = new AbortController();
    const timer = startTimer(agent.hookTimeoutSeconds * 1_000, () => late.abort());
    const given = AbortSignal.any([signal, late.signal]);
    const cutShort = Promise.withResolvers<never>();
    const giveUp = guarded(() => {
      const isLate = late.signal.aborted;
      cutShort.reject(new Error(isLate ? `it took more than ${agent.hookTimeoutSeconds} s` : 'the run has ended'));
    });
    given.addEventListener('abort', giveUp);
    if (given.aborted) giveUp();
    try {
      const answered = Promise.resolve().then(() => hook(given));
      return { answer: await Promise.race([answered, cutShort.promise]) };
    } catch (error) {
      const facts = { runId: attempt.run.id, agent: agent.name, hook: name, tool, error: toMessage(error) };
      log?.error(facts, 'a hook failed, and with it the use of a tool');
      return null;
    } finally {
      clearTimeout(timer);
      given.removeEventListener('abort', giveUp);
    }
  }

  async function before(use: ToolUse, { attempt, signal }: { attempt: Receiver; signal: AbortSignal }) {
    if (beforeToolUse === undefined || use.name === OUTPUT_TOOL) return undefined;
    const called = await call(
      async (given) => toBeforeDecision(await beforeToolUse(toContext(use, { attempt, signal: given }))),
      { name: 'beforeToolUse', tool: use.name, attempt, signal },
    );
    return called === null ? { deny: `${use.name} was not used: the check before it failed` } : called.answer;
  }

  const after: HookCallback = async (input, toolUseId, { signal }): Promise<HookJSONOutput> => {
    const attempt = receiver();
    const { hook_event_name: event } = input;
    if (afterToolUse === undefined || attempt === null) return {};
    if (event !== 'PostToolUse' && event !== 'PostToolUseFailure') return {};
    if (input.tool_name === OUTPUT_TOOL) return {};
    const use = toToolUse(input, toolUseId);
    const isError = event === 'PostToolUseFailure';
    const result = { isError, output: isError ? input.error : input.tool_response };
    const called = await call(
      async (given) => toAfterDecision(await afterToolUse({ ...toContext(use, { attempt, signal: given }), result })),
      { name: 'afterToolUse', tool: use.name, attempt, signal: AbortSignal.any([signal, endSignal]) },
    );
    const failure = `The result of ${use.name} is withheld: the check after it failed.`;
    if (called === null) attempt.noteFailedResult(use.id);
    const { replaceOutput, addContext }: AfterToolDecision =
      called?.answer ?? (called ? {} : { replaceOutput: failure });
    if (event === 'PostToolUseFailure') {
      // Its words are the failure's, and the SDK has no way to take them back.
      const context = called === null ? `The check after ${use.name} failed as well.` : addContext;
      return context === undefined ? {} : { hookSpecificOutput: { hookEventName: event, additionalContext: context } };
    }
    const replaced: Partial<ReplacedOutput> = replaceOutput === undefined ? {} : toReplaced(input, replaceOutput);
    const context = [replaced.context, addContext].filter((text) => text !== undefined).join('\n\n');
    return {
      hookSpecificOutput: {
        hookEventName: event,
        ...('output' in replaced && { updatedToolOutput: replaced.output }),
        ...(context !== '' && { additionalContext: context }),
      },
    };
  };

  return { before, after };
}

function toReplaced({ tool_name: name, tool_response: response }: PostToolUseHookInput, text: string): ReplacedOutput {
  return replaceToolOutput({ name, response, text });
}

function toContext(
  { name, input, id, subagent }: ToolUse,
  { attempt, signal }: { attempt: Receiver; signal: AbortSignal },
): ToolHookContext {
  // Frozen: a hook that writes into it, in place of returning it, is told that this changes nothing.
  return { run: attempt.run, tool: { name, input: Object.freeze({ ...input }), useId: id, subagent }, signal };
}

/** @throws {Error} when it is neither a decision nor nothing: who answers something else has meant something by it. */
function toBeforeDecision(answer: unknown): ToolUseDecision | undefined {
  if (answer === undefined || answer === null) return undefined;
  const { deny, input, ...rest } = toFields(answer);
  const isAlone = Object.keys(rest).length === 0 && (deny === undefined) !== (input === undefined);
  if (isAlone && typeof deny === 'string') return { deny };
  if (isAlone && typeof input === 'object' && input !== null && !Array.isArray(input))
    return { input: toFields(input) };
  throw new Error('beforeToolUse may return nothing, { deny: reason } or { input: object }');
}

/** @throws {Error} as above. */
function toAfterDecision(answer: unknown): AfterToolDecision {
  if (answer === undefined || answer === null) return {};
  const { replaceOutput, addContext, ...rest } = toFields(answer);
  const isKnown = typeof answer === 'object' && !Array.isArray(answer) && Object.keys(rest).length === 0;
  const areTexts = [replaceOutput, addContext].every((text) => text === undefined || typeof text === 'string');
  if (!isKnown || !areTexts)
    throw new Error('afterToolUse may return nothing, or { replaceOutput, addContext } as texts');
  const texts = { replaceOutput: toText(replaceOutput), addContext: toText(addContext) };
  return {
    ...(texts.replaceOutput !== null && { replaceOutput: texts.replaceOutput }),
    ...(texts.addContext !== null && { addContext: texts.addContext }),
  };
}
