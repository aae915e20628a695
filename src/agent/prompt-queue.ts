import type { SDKUserMessage } from '@anthropic-ai/claude-agent-sdk';
import type { Prompt } from './claude-spec.ts';

/** What one process is told, message by message, as it comes. */
export interface PromptQueue extends AsyncIterable<SDKUserMessage> {
  push(message: SDKUserMessage): void;
  /** Lets whoever listens go: nothing more will come. */
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

/** A text as it is, no `@file` in it read and no `/command` run; what we have to say ourselves stands beside it. */
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

/** A command of Claude Code's own. Never a text that came from outside. */
export function toCommand(command: string): SDKUserMessage {
  return { type: 'user', message: { role: 'user', content: command }, parent_tool_use_id: null };
}
