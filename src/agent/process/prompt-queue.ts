import type { SDKUserMessage } from '@anthropic-ai/claude-agent-sdk';
import type { ContentPart } from '../../core/prompt-parts.ts';
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

type Block = Exclude<SDKUserMessage['message']['content'], string>[number];

/**
 * Turns a text, or parts with files among them, into a prompt, unchanged: no `@file` in it is read and no `/command` is run. Our
 * own note stands beside it.
 */
export function toPrompt({
  text,
  parts,
  note,
  uuid,
}: Pick<Prompt, 'text' | 'parts' | 'note' | 'uuid'>): SDKUserMessage {
  const given = parts ?? [{ type: 'text', text }];
  const notes = note === null ? [] : [{ type: 'text' as const, text: note }];
  const isText = parts == null && note === null;
  return {
    type: 'user',
    message: { role: 'user', content: isText ? text : [...given.map(toBlock), ...notes] },
    parent_tool_use_id: null,
    client_composed: true,
    uuid: uuid as NonNullable<SDKUserMessage['uuid']>,
  };
}

function toBlock(part: ContentPart): Block {
  if (part.type === 'text') return part;
  const { mediaType, data } = part;
  if (part.type === 'image') {
    return { type: 'image', source: { type: 'base64', media_type: mediaType as 'image/png', data } };
  }
  const { title, context } = part;
  const source =
    mediaType === 'application/pdf'
      ? { type: 'base64' as const, media_type: 'application/pdf' as const, data }
      : { type: 'text' as const, media_type: 'text/plain' as const, data };
  return { type: 'document', source, ...(title !== null && { title }), ...(context !== null && { context }) };
}

/** Creates a message with one of Claude Code's own commands. Never use it for a text from outside. */
export function toCommand(command: string): SDKUserMessage {
  return { type: 'user', message: { role: 'user', content: command }, parent_tool_use_id: null };
}
