import { toMessage } from '../core/errors.ts';
import type { EventData, NewEvent } from '../core/events.ts';
import { toStorable } from '../core/text.ts';
import type { Breach } from './agent-outcome.ts';
import type { AgentSpec } from './agent-spec.ts';
import type { Receiver } from './claude-spec.ts';
import { createMessageMapper, type MessageMapper } from './messages-to-events.ts';
import { type ClaudeResult, parseResult } from './result.ts';
import { settlesWithin } from '../core/settles-within.ts';
import { toStorableJson } from './storable-json.ts';
import type { Steering } from './steering.ts';
import { toFields } from '../core/untyped.ts';

/** How long a tool use waits at most for the message about it. */
const TOLD_TIMEOUT_MS = 500;

/** A run of which no more is known than that it is one. */
const NOBODY = { user: null, team: null, metadata: {}, attempt: 1 };

/** Hears what Claude Code says: passes it on as events and keeps what the report needs. */
export interface Listener extends Receiver, Pick<MessageMapper, 'turns' | 'toolUses' | 'assistantError'> {
  /** Resolves with the first message. */
  readonly firstWord: Promise<void>;
  readonly messageCount: number;
  /** Whether it waits for a tool, or until it may ask the model again. */
  readonly isWaiting: boolean;
  /** Whether a tool was used whose result has not come. */
  readonly isAtTool: boolean;
  /** Resolves with the first result. */
  readonly resultCame: Promise<void>;
  /** Resolves when it cannot go on: `onEvent` has thrown, or the process is not fit for the prompt. */
  readonly broken: Promise<Breach>;
  /** The last one. */
  readonly result: ClaudeResult | null;
  /** Null until Claude Code has introduced itself. */
  readonly claudeCodeVersion: string | null;
  readonly permissionDenials: number;
}

type ListenerSpec = Pick<
  AgentSpec,
  'attemptId' | 'runId' | 'agent' | 'facts' | 'sessionId' | 'onEvent' | 'beforeToolUse' | 'askForToolUse' | 'log'
>;

export function createListener(
  spec: ListenerSpec,
  steering: Pick<Steering, 'hear' | 'toolBegins'> | null = null,
): Listener {
  const { attemptId, sessionId, onEvent, beforeToolUse, log } = spec;
  const mapper = createMessageMapper();
  const firstWord = Promise.withResolvers<void>();
  const resultCame = Promise.withResolvers<void>();
  const broken = Promise.withResolvers<Breach>();
  /** The hook hears of a tool use before the message about it is read; it is told before the tool's result. */
  const untoldDenials = new Map<string, EventData['agent.permission_denied']>();
  /** Tool uses of which the model gets no result, though Claude Code has one. */
  const failedResults = new Set<string>();
  let result: ClaudeResult | null = null;
  let claudeCodeVersion: string | null = null;
  let permissionDenials = 0;
  let messageCount = 0;
  const openToolUses = new Set<string>();
  /** Tool uses that want to begin and have not been told yet. */
  const untold = new Map<string, () => void>();
  let retryAtMs = 0;

  function tell(event: NewEvent): void {
    if (event.type === 'agent.init') ({ claudeCodeVersion } = event.data);
    if (event.type === 'agent.tool_use') openToolUses.add(event.data.toolUseId);
    if (event.type === 'agent.tool_result') openToolUses.delete(event.data.toolUseId);
    if (event.type === 'agent.api_retry') retryAtMs = performance.now() + event.data.delayMs;
    if (event.type === 'agent.permission_denied') permissionDenials += 1;
    try {
      onEvent(event);
      if (event.type === 'agent.tool_use') untold.get(event.data.toolUseId)?.();
    } catch (error) {
      const detail = `the event ${event.type} was not taken: ${toMessage(error)}`;
      log?.error({ attemptId, type: event.type, error: toMessage(error) }, 'an event of an attempt was not taken');
      broken.resolve({ code: 'internal_error', detail });
    }
  }

  /** What Claude Code says as the run's event: some of it we know better. */
  function amend(said: NewEvent): NewEvent {
    // What Claude Code calls the conversation differs from process to process.
    if (said.type === 'agent.init') return { ...said, data: { ...said.data, sessionId } };
    if (said.type === 'agent.tool_result' && failedResults.delete(said.data.toolUseId)) {
      return { ...said, data: { ...said.data, isError: true } };
    }
    return said;
  }

  async function untilTold(toolUseId: string): Promise<void> {
    // The hook hears of it a moment before the message about it is read.
    if (openToolUses.has(toolUseId)) return;
    const told = new Promise<void>((resolve) => untold.set(toolUseId, resolve));
    await settlesWithin(told, TOLD_TIMEOUT_MS);
    untold.delete(toolUseId);
  }

  return {
    run: { ...NOBODY, ...spec.facts, id: spec.runId, agent: spec.agent.name },
    ask: spec.askForToolUse ?? null,
    hear(message) {
      messageCount += 1;
      firstWord.resolve();
      steering?.hear(message);
      if (toFields(message)['type'] === 'result') {
        result = parseResult(message);
        resultCame.resolve();
      }
      for (const said of mapper.toEvents(message)) {
        const event = amend(said);
        const denial = event.type === 'agent.tool_result' ? untoldDenials.get(event.data.toolUseId) : undefined;
        if (denial !== undefined) {
          untoldDenials.delete(denial.toolUseId);
          tell({ type: 'agent.permission_denied', data: denial });
        }
        tell(event);
      }
    },
    async mayBegin(toolUseId, changed) {
      await steering?.toolBegins();
      if (beforeToolUse === undefined && changed === null) return true;
      await untilTold(toolUseId);
      // One that was put off is told of no second time, and may take as long as any.
      openToolUses.add(toolUseId);
      if (changed !== null) {
        const { name, input } = changed;
        tell({
          type: 'agent.tool_input',
          data: { toolUseId: toStorable(toolUseId), name: toStorable(name), input: toStorableJson(input) },
        });
      }
      return beforeToolUse === undefined ? true : beforeToolUse();
    },
    noteFailedResult(toolUseId) {
      failedResults.add(toStorable(toolUseId));
    },
    noteUnfit: (breach) => broken.resolve(breach),
    noteDenial({ toolUseId, name, message }) {
      const denial = { toolUseId: toStorable(toolUseId), name: toStorable(name), message: toStorable(message) };
      untoldDenials.set(denial.toolUseId, denial);
    },
    firstWord: firstWord.promise,
    get messageCount() {
      return messageCount;
    },
    get isWaiting() {
      return openToolUses.size > 0 || performance.now() < retryAtMs;
    },
    get isAtTool() {
      return openToolUses.size > 0;
    },
    resultCame: resultCame.promise,
    broken: broken.promise,
    get result() {
      return result;
    },
    get claudeCodeVersion() {
      return claudeCodeVersion;
    },
    get permissionDenials() {
      return permissionDenials;
    },
    get turns() {
      return mapper.turns;
    },
    get toolUses() {
      return mapper.toolUses;
    },
    get assistantError() {
      return mapper.assistantError;
    },
  };
}
