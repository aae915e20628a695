/** A part of a scripted answer. Create it with `say`, `think`, `useTool` or `useServerTool`. */
export type Block = TextBlock | ThinkingBlock | ToolUseBlock;

export interface TextBlock {
  readonly type: 'text';
  /** The text as the pieces it is streamed in. */
  readonly chunks: readonly string[];
  readonly chunkDelayMs: number;
}

export interface ThinkingBlock {
  readonly type: 'thinking';
  readonly chunks: readonly string[];
  readonly chunkDelayMs: number;
}

export interface ToolUseBlock {
  /** `server_tool_use`: a tool that the provider runs itself. */
  readonly type: 'tool_use' | 'server_tool_use';
  readonly name: string;
  readonly input: ToolInput;
}

export type ToolInput = Readonly<Record<string, unknown>>;

export interface StreamingOptions {
  /**
   * Number of pieces of equal length, at most the number of characters, or the pieces themselves, which must add up to
   * the text. Defaults to pieces of 24 characters.
   */
  readonly chunks?: number | readonly string[];
  /** Milliseconds between two pieces. Defaults to 0: as fast as the client reads. */
  readonly chunkDelayMs?: number;
}

const DEFAULT_CHUNK_LENGTH = 24;

/** Makes the model write `text`. */
export function say(text: string, options: StreamingOptions = {}): TextBlock {
  return { type: 'text', ...toStreaming(text, options) };
}

/** Makes the model think `text`, as extended thinking. */
export function think(text: string, options: StreamingOptions = {}): ThinkingBlock {
  return { type: 'thinking', ...toStreaming(text, options) };
}

/** Makes the model call a tool. Several calls in one turn are parallel. */
export function useTool(name: string, input: ToolInput = {}): ToolUseBlock {
  return { type: 'tool_use', name, input };
}

/** Makes the model use a tool that runs at the provider, such as `web_search`. Its result is not scripted. */
export function useServerTool(name: string, input: ToolInput = {}): ToolUseBlock {
  return { type: 'server_tool_use', name, input };
}

function toStreaming(text: string, { chunks, chunkDelayMs = 0 }: StreamingOptions): Omit<TextBlock, 'type'> {
  if (typeof chunks === 'object') {
    if (chunks.join('') !== text) throw new RangeError('The chunks do not add up to the text.');
    return { chunks, chunkDelayMs };
  }
  if (chunks !== undefined && !(Number.isInteger(chunks) && chunks > 0)) {
    throw new RangeError(`chunks must be a whole number above 0; received ${chunks}.`);
  }
  // By code point, because half a surrogate pair could not be sent.
  const characters = Array.from(text);
  return { chunks: split(characters, chunks ?? Math.ceil(characters.length / DEFAULT_CHUNK_LENGTH)), chunkDelayMs };
}

function split(characters: readonly string[], wanted: number): string[] {
  const count = Math.min(wanted, characters.length);
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * characters.length) / count);
    const to = Math.floor(((index + 1) * characters.length) / count);
    return characters.slice(from, to).join('');
  });
}
