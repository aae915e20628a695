import { isOwnWords } from './own-words.ts';

/** A part of a message, in the form shown to people. */
export type MessageContent =
  | { readonly type: 'text'; readonly text: string; readonly isTruncated?: true }
  | { readonly type: 'thinking'; readonly text: string; readonly isTruncated?: true }
  /** If the input is too large, `input` is a text and `isTruncated` is set. */
  | {
      readonly type: 'tool_use';
      readonly toolUseId: string;
      readonly name: string;
      readonly input: unknown;
      readonly isTruncated?: true;
    }
  | {
      readonly type: 'tool_result';
      readonly toolUseId: string;
      readonly isError: boolean;
      readonly text: string;
      readonly isTruncated?: true;
    };

export interface TranscriptMessage {
  readonly role: 'user' | 'assistant';
  /** ISO 8601; null when Claude Code recorded no time. */
  readonly at: string | null;
  readonly content: readonly MessageContent[];
}

/** Maximum number of characters shown of one part; for a tool's result and input the same as in its event. */
const MOST = { text: 32_000, tool: 8_000 };

/**
 * Converts one entry of Claude Code's transcript to a message. Returns null for other entries: notes beside the
 * conversation, and text of Claude Code's or Longhaul's own. The entry is read as untyped data, so that a new version
 * costs at most a message.
 */
export function toTranscriptMessage(entry: unknown): TranscriptMessage | null {
  const fields = toFields(entry);
  const at = typeof fields['timestamp'] === 'string' ? fields['timestamp'] : null;
  if (NOT_SHOWN.some((mark) => fields[mark] === true)) return null;
  const attachment = toFields(fields['attachment']);
  // A message that was sent during a turn.
  if (fields['type'] === 'attachment' && attachment['type'] === 'queued_command') {
    return toMessage({ role: 'user', at, content: toBlocks(attachment['prompt']) });
  }
  const role = fields['type'];
  if (role !== 'user' && role !== 'assistant') return null;
  const message = toFields(fields['message']);
  if (message['model'] === '<synthetic>') return null;
  return toMessage({ role, at, content: toBlocks(message['content']) });
}

const NOT_SHOWN = ['isMeta', 'isSidechain', 'isCompactSummary', 'isApiErrorMessage', 'isVisibleInTranscriptOnly'];

function toMessage(message: TranscriptMessage): TranscriptMessage | null {
  return message.content.length === 0 ? null : message;
}

function toBlocks(content: unknown): MessageContent[] {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  return Array.isArray(blocks) ? blocks.flatMap(toContent) : [];
}

function toContent(block: unknown): MessageContent[] {
  const fields = toFields(block);
  const type = asText(fields['type']);
  if (type === 'text') {
    const text = asText(fields['text']);
    return text === '' || isOwnWords(text) ? [] : [{ type, ...cut(text, MOST.text) }];
  }
  if (type === 'thinking') {
    const text = asText(fields['thinking']);
    return text === '' ? [] : [{ type, ...cut(text, MOST.text) }];
  }
  if (type.endsWith('tool_use')) {
    const written = JSON.stringify(fields['input'] ?? {});
    const isLarge = written.length > MOST.tool;
    const input = isLarge ? written.slice(0, MOST.tool) : fields['input'];
    const use = { toolUseId: asText(fields['id']), name: asText(fields['name']), input };
    return [{ type: 'tool_use', ...use, ...(isLarge && { isTruncated: true as const }) }];
  }
  if (type.endsWith('tool_result')) {
    const toolUseId = asText(fields['tool_use_id']);
    const isError = fields['is_error'] === true;
    return [{ type: 'tool_result', toolUseId, isError, ...cut(toText(fields['content']), MOST.tool) }];
  }
  return [];
}

function toText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map(toFields)
    .map(({ type, text }) => (type === 'text' ? asText(text) : `[${asText(type)}]`))
    .join('\n');
}

function cut(text: string, most: number): { text: string; isTruncated?: true } {
  return text.length <= most ? { text } : { text: text.slice(0, most).toWellFormed(), isTruncated: true };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function toFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
