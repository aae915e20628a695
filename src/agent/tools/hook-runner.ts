import type { HookCallback, HookJSONOutput, PostToolUseHookInput } from '@anthropic-ai/claude-agent-sdk';
import type { Agent } from '../../config/config.ts';
import type { AfterToolDecision, ToolHookContext } from '../../config/tool-hooks.ts';
import { toMessage } from '../../core/errors.ts';
import { guarded } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { after as startTimer } from '../../core/timers.ts';
import type { ToolAttempt } from './tool-attempt.ts';
import { replaceToolOutput, type ReplacedOutput } from './replace-tool-output.ts';
import { OUTPUT_TOOL, toToolUse, type ToolUse, type ToolUseDecision } from './tool-use.ts';
import { toFields, toText } from '../../core/untyped.ts';

interface HookRunnerOptions {
  readonly agent: Agent;
  readonly receiver: () => ToolAttempt | null;
  readonly endSignal: AbortSignal;
  readonly log?: Logger | undefined;
}

export interface HookRunner {
  /** Calls `beforeToolUse`. Returns undefined when there is no such hook, or it returns no decision. Never rejects. */
  before(use: ToolUse, given: { attempt: ToolAttempt; signal: AbortSignal }): Promise<ToolUseDecision | undefined>;
  /** Calls `afterToolUse`, as a hook of the SDK. Never rejects. */
  readonly after: HookCallback;
}

/**
 * Creates the runner of the functions in an agent's config that run before and after a tool use. The functions are not
 * ours: their errors, wrong answers and delays fail the tool use, never the worker. The log has the error without the
 * tool's input; the model learns that the check failed.
 */
export function createHookRunner({ agent, receiver, endSignal, log }: HookRunnerOptions): HookRunner {
  const { beforeToolUse, afterToolUse } = agent.hooks;

  async function call<T>(
    hook: (signal: AbortSignal) => T | Promise<T>,
    { name, tool, attempt, signal }: { name: string; tool: string; attempt: ToolAttempt; signal: AbortSignal },
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
      log?.error(facts, 'a hook failed, so the tool use failed');
      return null;
    } finally {
      clearTimeout(timer);
      given.removeEventListener('abort', giveUp);
    }
  }

  async function before(use: ToolUse, { attempt, signal }: { attempt: ToolAttempt; signal: AbortSignal }) {
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
      // The output is the failure's message, which the SDK cannot replace.
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
  { attempt, signal }: { attempt: ToolAttempt; signal: AbortSignal },
): ToolHookContext {
  // Frozen, so that a hook that changes the input instead of returning it gets an error.
  return { run: attempt.run, tool: { name, input: Object.freeze({ ...input }), useId: id, subagent }, signal };
}

/** @throws {Error} when the answer is neither a decision nor empty: any other answer was meant to have an effect. */
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
