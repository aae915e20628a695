import { toMessage } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import { toStorable } from '../core/text.ts';
import type { Breach } from './outcome/agent-outcome.ts';
import { createAnswer, type Answer } from './messages/answer.ts';
import type { AgentSpec } from './agent-spec.ts';
import type { Receiver } from './process/claude-spec.ts';
import { createMessageMapper, type MessageMapper } from './messages/messages-to-events.ts';
import { createOpenToolUses, type OpenToolUses } from './tools/open-tool-uses.ts';
import { NO_PROGRESS, type Progress } from './transcript/progress.ts';
import { type ClaudeResult, type ClaudeSpending, parseResult, withoutEarlier } from './messages/result.ts';
import { toStorableJson } from './messages/storable-json.ts';
import type { Steering } from './process/steering.ts';
import type { ToolUse } from './tools/tool-use.ts';
import { toFields } from '../core/untyped.ts';

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
  /** The spending of earlier attempts that the process will report again. Defaults to none. */
  readonly spentBefore?: ClaudeSpending | null;
}

interface ListenerState {
  readonly spec: ListenerSpec;
  readonly steering: Pick<Steering, 'hear' | 'toolBegins'> | null;
  readonly hideResultPaths: <T>(value: T) => T;
  readonly spentBefore: ClaudeSpending | null;
  readonly mapper: MessageMapper;
  readonly toolUses: OpenToolUses;
  readonly answer: Answer;
  readonly firstWord: PromiseWithResolvers<void>;
  readonly resultCame: PromiseWithResolvers<void>;
  readonly broken: PromiseWithResolvers<Breach>;
  result: ClaudeResult | null;
  claudeCodeVersion: string | null;
  messageCount: number;
  /** The time of Claude Code's next try to ask the model, on the monotonic clock. */
  retryAtMs: number;
}

export function createListener(options: ListenerOptions): Listener {
  const { spec, steering = null, progress = NO_PROGRESS, hideResultPaths = (value) => value } = options;
  const { spentBefore = null } = options;
  const mapper = createMessageMapper({ isCutOff: progress.isCutOff });
  const toolUses = createOpenToolUses();
  const state: ListenerState = {
    spec,
    steering,
    hideResultPaths,
    spentBefore,
    mapper,
    toolUses,
    answer: createAnswer(progress.answer),
    firstWord: Promise.withResolvers(),
    resultCame: Promise.withResolvers(),
    broken: Promise.withResolvers(),
    result: null,
    claudeCodeVersion: null,
    messageCount: 0,
    retryAtMs: 0,
  };
  return {
    run: { ...NOBODY, ...spec.facts, id: spec.runId, agent: spec.agent.name },
    ask: spec.askForToolUse ?? null,
    hear: (message) => hear(state, message),
    hasMoneyLeft: spec.hasMoneyLeft ?? (() => true),
    mayBegin: (toolUseId, changed) => mayBegin(state, toolUseId, changed),
    noteFailedResult: toolUses.noteFailedResult,
    noteServerProblem: (breach) => state.broken.resolve(breach),
    noteDenial: toolUses.noteDenial,
    noteConnection: (data) => tell(state, { type: 'agent.connection', data }),
    firstWord: state.firstWord.promise,
    get messageCount() {
      return state.messageCount;
    },
    get isWaiting() {
      return toolUses.count > 0 || performance.now() < state.retryAtMs;
    },
    get isAtTool() {
      return toolUses.count > 0;
    },
    resultCame: state.resultCame.promise,
    broken: state.broken.promise,
    get result() {
      return state.result;
    },
    get claudeCodeVersion() {
      return state.claudeCodeVersion;
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
    get hasChangedModel() {
      return mapper.hasChangedModel;
    },
    get answer() {
      return state.answer.text;
    },
  };
}

function hear(state: ListenerState, message: unknown): void {
  const { spec, steering, spentBefore, mapper, toolUses, firstWord, resultCame } = state;
  state.messageCount += 1;
  firstWord.resolve();
  steering?.hear(message);
  if (toFields(message)['type'] === 'result') {
    state.result = withoutEarlier(parseResult(message), spentBefore);
    resultCame.resolve();
  }
  for (const said of mapper.toEvents(message)) {
    // Claude Code's id of the conversation differs from process to process.
    if (said.type === 'agent.init') tell(state, { ...said, data: { ...said.data, sessionId: spec.sessionId } });
    else for (const event of toolUses.amend(said)) tell(state, event);
  }
}

/** Passes on an event, and keeps its facts. */
function tell(state: ListenerState, said: NewEvent): void {
  const { spec, toolUses, answer, hideResultPaths, broken } = state;
  const { attemptId, onEvent, log } = spec;
  // The model's own text stays unchanged: its pieces would no longer equal the whole.
  const event = TOLD_OF_TOOLS.has(said.type) ? ({ ...said, data: hideResultPaths(said.data) } as NewEvent) : said;
  answer.hear(event);
  toolUses.note(event);
  if (event.type === 'agent.init') state.claudeCodeVersion = event.data.claudeCodeVersion;
  if (event.type === 'agent.api_retry') state.retryAtMs = performance.now() + event.data.delayMs;
  try {
    onEvent(event);
    if (event.type === 'agent.tool_use') toolUses.noteTold(event.data.toolUseId);
  } catch (error) {
    const detail = `the event ${event.type} could not be recorded: ${toMessage(error)}`;
    log?.error(
      { attemptId, type: event.type, error: toMessage(error) },
      'an event of an attempt could not be recorded',
    );
    broken.resolve({ code: 'internal_error', detail });
  }
}

async function mayBegin(state: ListenerState, toolUseId: string, changed: ToolUse | null): Promise<boolean> {
  const { spec, steering, toolUses } = state;
  const { beforeToolUse } = spec;
  await steering?.toolBegins();
  if (beforeToolUse === undefined && changed === null) return true;
  await toolUses.untilTold(toolUseId);
  toolUses.open(toolUseId);
  if (changed !== null) {
    const { name, input } = changed;
    tell(state, {
      type: 'agent.tool_input',
      data: { toolUseId: toStorable(toolUseId), name: toStorable(name), input: toStorableJson(input) },
    });
  }
  return beforeToolUse === undefined ? true : beforeToolUse();
}
