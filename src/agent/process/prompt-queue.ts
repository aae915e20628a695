import type { SDKUserMessage } from '@anthropic-ai/claude-agent-sdk';
import type { Prompt } from './claude-spec.ts';

/** The messages to one process, in the order in which they arrive. */
export interface PromptQueue extends AsyncIterable<SDKUserMessage> {
  push(message: SDKUserMessage): void;
  /** Ends the iteration: no more messages will come. */
  end(): void;
}

export function createPromptQueue(): PromptQueue {
  const messages: SDKUserMessage[] = [];
  let isEnded = false;
  let wake: (() => void) | null = null;
  return {
    push(message) {
      messages.push(message);
      wake?.();
    },
    end() {
      isEnded = true;
      wake?.();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const message = messages.shift();
        if (message !== undefined) yield message;
        else if (isEnded) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

/**
 * Turns a text into a prompt, unchanged: no `@file` in it is read and no `/command` is run. Our own note stands beside
 * it.
 */
export function toPrompt({ text, note, uuid }: Pick<Prompt, 'text' | 'note' | 'uuid'>): SDKUserMessage {
  const content = note === null ? text : [text, note].map((part) => ({ type: 'text' as const, text: part }));
  return {
    type: 'user',
    message: { role: 'user', content },
    parent_tool_use_id: null,
    client_composed: true,
    uuid: uuid as NonNullable<SDKUserMessage['uuid']>,
  };
}

/** Creates a message with one of Claude Code's own commands. Never use it for a text from outside. */
export function toCommand(command: string): SDKUserMessage {
  return { type: 'user', message: { role: 'user', content: command }, parent_tool_use_id: null };
}
