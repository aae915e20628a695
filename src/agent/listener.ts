import { toMessage } from '../core/errors.ts';
import type { EventData, NewEvent } from '../core/events.ts';
import { toStorable } from '../core/text.ts';
import type { AgentSpec } from './agent-spec.ts';
import { createMessageMapper, type MessageMapper } from './messages-to-events.ts';
import { type ClaudeResult, parseResult } from './result.ts';
import { toFields } from './untyped.ts';

/** Hears what Claude Code says: passes it on as events and keeps what the report needs. */
export interface Listener extends Pick<MessageMapper, 'turns' | 'toolUses' | 'assistantError'> {
  hear(message: unknown): void;
  /** Takes a refusal of the workspace guard, to be told at its place among the messages. */
  noteDenial(denial: EventData['agent.permission_denied']): void;
  /** Nothing more will be heard. */
  end(): void;
  readonly isEnded: boolean;
  /** Resolves with the first message, or the end. */
  readonly firstWord: Promise<void>;
  /** Resolves with the first result. */
  readonly resultCame: Promise<void>;
  /** The last one. */
  readonly result: ClaudeResult | null;
  /** Null until Claude Code has introduced itself. */
  readonly claudeCodeVersion: string | null;
  readonly permissionDenials: number;
}

export function createListener({
  attemptId,
  onEvent,
  log,
}: Pick<AgentSpec, 'attemptId' | 'onEvent' | 'log'>): Listener {
  const mapper = createMessageMapper();
  const firstWord = Promise.withResolvers<void>();
  const resultCame = Promise.withResolvers<void>();
  /** The hook hears of a tool use before the message about it is read; it is told before the tool's result. */
  const untoldDenials = new Map<string, EventData['agent.permission_denied']>();
  let result: ClaudeResult | null = null;
  let claudeCodeVersion: string | null = null;
  let permissionDenials = 0;
  let isEnded = false;

  function tell(event: NewEvent): void {
    if (event.type === 'agent.init') ({ claudeCodeVersion } = event.data);
    if (event.type === 'agent.permission_denied') permissionDenials += 1;
    try {
      onEvent(event);
    } catch (error) {
      log?.error({ attemptId, type: event.type, error: toMessage(error) }, 'an event of an attempt was not taken');
    }
  }

  return {
    hear(message) {
      firstWord.resolve();
      if (toFields(message)['type'] === 'result') {
        result = parseResult(message);
        resultCame.resolve();
      }
      for (const event of mapper.toEvents(message)) {
        const denial = event.type === 'agent.tool_result' ? untoldDenials.get(event.data.toolUseId) : undefined;
        if (denial !== undefined) {
          untoldDenials.delete(denial.toolUseId);
          tell({ type: 'agent.permission_denied', data: denial });
        }
        tell(event);
      }
    },
    noteDenial({ toolUseId, name, message }) {
      const denial = { toolUseId: toStorable(toolUseId), name: toStorable(name), message: toStorable(message) };
      untoldDenials.set(denial.toolUseId, denial);
    },
    end() {
      isEnded = true;
      firstWord.resolve();
    },
    get isEnded() {
      return isEnded;
    },
    firstWord: firstWord.promise,
    resultCame: resultCame.promise,
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
