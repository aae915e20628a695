import type { Query } from '@anthropic-ai/claude-agent-sdk';
import type { ClaudeSpec, Launch, Receiver } from './claude-spec.ts';
import type { ClaudeSpending } from '../messages/result.ts';
import type { Thrown } from '../outcome/agent-outcome.ts';
import { createPromptQueue, type PromptQueue } from './prompt-queue.ts';
import { toScratchRoot, type Scratch } from './scratch.ts';
import { createConversationStore, type ConversationStore } from '../transcript/session-store.ts';
import type { Enclosure } from './enclosure.ts';
import type { ClaudeChild } from './spawn-claude.ts';
import { createCustomResults, type CustomResults } from '../tools/custom-results.ts';
import { createToolResults, type ToolResults } from '../transcript/tool-results.ts';

/** The state of a process from before its start until its end. A part is null until it exists. */
export interface ClaudeState {
  readonly spec: ClaudeSpec;
  readonly prompts: PromptQueue;
  readonly toolResults: ToolResults;
  readonly customResults: CustomResults;
  readonly store: ConversationStore;
  /** Resolved when the executable is started. */
  readonly spawned: PromiseWithResolvers<ClaudeChild>;
  /** Resolved with its first message. */
  readonly firstWord: PromiseWithResolvers<void>;
  /** Resolved when no more messages will come, with the SDK's error or null. */
  readonly listened: PromiseWithResolvers<Thrown | null>;
  /** Aborted at the end of the process, so that a running hook learns of it. */
  readonly ended: AbortController;
  scratch: Scratch | null;
  enclosure: Enclosure | null;
  conversation: Query | null;
  child: ClaudeChild | null;
  /** The original error of a failed start, which the SDK wraps in its own message. */
  spawnFailure: unknown;
  /** The attempt that the process works for. */
  receiver: Receiver | null;
  /**
   * The receiver of its messages: the attempt, `clearConversation` while it clears the last conversation, or
   * `pauseConversation` while it waits with its conversation.
   */
  listener: Pick<Receiver, 'hear'> | null;
  /** True while it waits with its conversation, and has done nothing since. */
  isPaused: boolean;
  /** The spending of its conversation in its last result; null before the first. */
  spent: ClaudeSpending | null;
  useCount: number;
  ending: Promise<void> | null;
}

/** A process whose start has begun. */
export interface StartedClaude extends ClaudeState {
  /** Never rejects. */
  readonly launched: Promise<Launch>;
}

export function createClaudeState(spec: ClaudeSpec): ClaudeState {
  const toolResults = createToolResults({ root: toScratchRoot(spec), log: spec.log });
  return {
    spec,
    prompts: createPromptQueue(),
    toolResults,
    customResults: createCustomResults(),
    store: createConversationStore({ ...spec, toolResults }),
    spawned: Promise.withResolvers(),
    firstWord: Promise.withResolvers(),
    listened: Promise.withResolvers(),
    ended: new AbortController(),
    scratch: null,
    enclosure: null,
    conversation: null,
    child: null,
    spawnFailure: null,
    receiver: null,
    listener: null,
    isPaused: false,
    spent: null,
    useCount: 0,
    ending: null,
  };
}
