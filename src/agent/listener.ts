import { toMessage } from '../core/errors.ts';
import type { EventData, NewEvent } from '../core/events.ts';
import { toStorable } from '../core/text.ts';
import type { Breach } from './agent-outcome.ts';
import { createAnswer } from './answer.ts';
import type { AgentSpec } from './agent-spec.ts';
import type { Receiver } from './claude-spec.ts';
import { createMessageMapper, type MessageMapper } from './messages-to-events.ts';
import { NO_PROGRESS, type Progress } from './progress.ts';
import { type ClaudeResult, parseResult } from './result.ts';
import { settlesWithin } from '../core/settles-within.ts';
import { toStorableJson } from './storable-json.ts';
import type { Steering } from './steering.ts';
import { toFields } from '../core/untyped.ts';

/** Longest wait of a tool use for the message about it. */
const TOLD_TIMEOUT_MS = 500;

/** The facts of a run of which only the id is known. */
const NOBODY = { user: null, team: null, metadata: {}, attempt: 1 };

/** The events about tools: their inputs and results. */
const TOLD_OF_TOOLS: ReadonlySet<string> = new Set<NewEvent['type']>([
  'agent.tool_use',
  'agent.tool_input',
  'agent.tool_result',
  'agent.permission_denied',
  'agent.other',
]);

/** Receives Claude Code's messages, passes them on as events, and keeps the facts for the report. */
export interface Listener extends Receiver, Omit<MessageMapper, 'toEvents'> {
  /** Resolves with the first message. */
  readonly firstWord: Promise<void>;
  readonly messageCount: number;
  /** True when the process waits for a tool, or for its next try to ask the model. */
  readonly isWaiting: boolean;
  /** True when a tool was used whose result has not arrived. */
  readonly isAtTool: boolean;
  /** Resolves with the first result. */
  readonly resultCame: Promise<void>;
  /** Resolves when the attempt cannot continue: `onEvent` has thrown, or the process cannot take the prompt. */
  readonly broken: Promise<Breach>;
  /** The last result. */
  readonly result: ClaudeResult | null;
  /** Null until Claude Code has sent its first message. */
  readonly claudeCodeVersion: string | null;
  /** The run's answer so far, including earlier attempts. */
  readonly answer: string;
}

type ListenerSpec = Pick<
  AgentSpec,
  | 'attemptId'
  | 'runId'
  | 'agent'
  | 'facts'
  | 'sessionId'
  | 'onEvent'
  | 'beforeToolUse'
  | 'hasMoneyLeft'
  | 'askForToolUse'
  | 'log'
>;

interface ListenerOptions {
  readonly spec: ListenerSpec;
  /** The messages to the conversation in progress. Defaults to none. */
  readonly steering?: Pick<Steering, 'hear' | 'toolBegins'> | null;
  /** The progress of earlier attempts. Defaults to none. */
  readonly progress?: Pick<Progress, 'answer' | 'isCutOff'>;
  /** Removes the directory of large results from events. Defaults to keeping it. */
  readonly hideResultPaths?: <T>(value: T) => T;
}

export function createListener(options: ListenerOptions): Listener {
  const { spec, steering = null, progress = NO_PROGRESS, hideResultPaths = (value) => value } = options;
  const { attemptId, sessionId, onEvent, beforeToolUse, hasMoneyLeft = () => true, log } = spec;
  const mapper = createMessageMapper({ isCutOff: progress.isCutOff });
  const answer = createAnswer(progress.answer);
  const firstWord = Promise.withResolvers<void>();
  const resultCame = Promise.withResolvers<void>();
  const broken = Promise.withResolvers<Breach>();
  /**
   * Denials of the hook, which come before the message about the tool use. Each is reported before the tool's result.
   */
  const untoldDenials = new Map<string, EventData['agent.permission_denied']>();
  /** Tool uses whose result the model does not get, though Claude Code has one. */
  const failedResults = new Set<string>();
  let result: ClaudeResult | null = null;
  let claudeCodeVersion: string | null = null;
  let messageCount = 0;
  const openToolUses = new Set<string>();
  /** Tool uses that wait for their event before they begin. */
  const untold = new Map<string, () => void>();
  let retryAtMs = 0;

  function tell(said: NewEvent): void {
    // The model's own text stays unchanged: its pieces would no longer equal the whole.
    const event = TOLD_OF_TOOLS.has(said.type) ? ({ ...said, data: hideResultPaths(said.data) } as NewEvent) : said;
    answer.hear(event);
    if (event.type === 'agent.init') ({ claudeCodeVersion } = event.data);
    if (event.type === 'agent.tool_use') openToolUses.add(event.data.toolUseId);
    if (event.type === 'agent.tool_result') openToolUses.delete(event.data.toolUseId);
    if (event.type === 'agent.api_retry') retryAtMs = performance.now() + event.data.delayMs;
    try {
      onEvent(event);
      if (event.type === 'agent.tool_use') untold.get(event.data.toolUseId)?.();
    } catch (error) {
      const detail = `the event ${event.type} could not be recorded: ${toMessage(error)}`;
      log?.error(
        { attemptId, type: event.type, error: toMessage(error) },
        'an event of an attempt could not be recorded',
      );
      broken.resolve({ code: 'internal_error', detail });
    }
  }

  /** Corrects Claude Code's events where we know better. */
  function amend(said: NewEvent): NewEvent {
    // Claude Code's id of the conversation differs from process to process.
    if (said.type === 'agent.init') return { ...said, data: { ...said.data, sessionId } };
    if (said.type === 'agent.tool_result' && failedResults.delete(said.data.toolUseId)) {
      return { ...said, data: { ...said.data, isError: true } };
    }
    return said;
  }

  async function untilTold(toolUseId: string): Promise<void> {
    // The hook runs a moment before the message about the use is read.
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
    hasMoneyLeft,
    async mayBegin(toolUseId, changed) {
      await steering?.toolBegins();
      if (beforeToolUse === undefined && changed === null) return true;
      await untilTold(toolUseId);
      // A deferred use has no second event, and may take as long as any other.
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
    get turns() {
      return mapper.turns;
    },
    get toolUses() {
      return mapper.toolUses;
    },
    get assistantError() {
      return mapper.assistantError;
    },
    get stopReason() {
      return mapper.stopReason;
    },
    get refusalCategory() {
      return mapper.refusalCategory;
    },
    get answer() {
      return answer.text;
    },
  };
}
