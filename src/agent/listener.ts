import { toMessage } from '../core/errors.ts';
import type { EventData, NewEvent } from '../core/events.ts';
import { toStorable } from '../core/text.ts';
import type { Breach } from './agent-outcome.ts';
import type { AgentSpec } from './agent-spec.ts';
import { createMessageMapper, type MessageMapper } from './messages-to-events.ts';
import { type ClaudeResult, parseResult } from './result.ts';
import { settlesWithin } from './settles-within.ts';
import { toFields } from './untyped.ts';

/** How long a tool use waits at most for the message about it. */
const TOLD_TIMEOUT_MS = 500;

/** Hears what Claude Code says: passes it on as events and keeps what the report needs. */
export interface Listener extends Pick<MessageMapper, 'turns' | 'toolUses' | 'assistantError'> {
  hear(message: unknown): void;
  /** Takes a refusal of the workspace guard, to be told at its place among the messages. */
  noteDenial(denial: EventData['agent.permission_denied']): void;
  /** Resolves when the use of a tool has been told, and is on record; false when it may not begin. */
  mayBegin(toolUseId: string): Promise<boolean>;
  /** Resolves with the first message. */
  readonly firstWord: Promise<void>;
  readonly messageCount: number;
  /** Whether it waits for a tool, or until it may ask the model again. */
  readonly isWaiting: boolean;
  /** Resolves with the first result. */
  readonly resultCame: Promise<void>;
  /** Resolves when `onEvent` has thrown: what is not heard must not go on. */
  readonly unheard: Promise<Breach>;
  /** The last one. */
  readonly result: ClaudeResult | null;
  /** Null until Claude Code has introduced itself. */
  readonly claudeCodeVersion: string | null;
  readonly permissionDenials: number;
}

export function createListener({
  attemptId,
  sessionId,
  onEvent,
  beforeToolUse,
  log,
}: Pick<AgentSpec, 'attemptId' | 'sessionId' | 'onEvent' | 'beforeToolUse' | 'log'>): Listener {
  const mapper = createMessageMapper();
  const firstWord = Promise.withResolvers<void>();
  const resultCame = Promise.withResolvers<void>();
  const unheard = Promise.withResolvers<Breach>();
  /** The hook hears of a tool use before the message about it is read; it is told before the tool's result. */
  const untoldDenials = new Map<string, EventData['agent.permission_denied']>();
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
      unheard.resolve({ code: 'internal_error', detail });
    }
  }

  return {
    hear(message) {
      messageCount += 1;
      firstWord.resolve();
      if (toFields(message)['type'] === 'result') {
        result = parseResult(message);
        resultCame.resolve();
      }
      for (const said of mapper.toEvents(message)) {
        // What Claude Code calls the conversation differs from process to process.
        const event = said.type === 'agent.init' ? { ...said, data: { ...said.data, sessionId } } : said;
        const denial = event.type === 'agent.tool_result' ? untoldDenials.get(event.data.toolUseId) : undefined;
        if (denial !== undefined) {
          untoldDenials.delete(denial.toolUseId);
          tell({ type: 'agent.permission_denied', data: denial });
        }
        tell(event);
      }
    },
    async mayBegin(toolUseId) {
      if (beforeToolUse === undefined) return true;
      // The hook hears of it a moment before the message about it is read.
      if (!openToolUses.has(toolUseId)) {
        const told = new Promise<void>((resolve) => untold.set(toolUseId, resolve));
        await settlesWithin(told, TOLD_TIMEOUT_MS);
        untold.delete(toolUseId);
      }
      return beforeToolUse();
    },
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
    resultCame: resultCame.promise,
    unheard: unheard.promise,
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
