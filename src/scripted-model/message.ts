import type { TokenUsage } from '../core/usage.ts';
import type { ApiError } from './api-error.ts';
import type { Block } from './blocks.ts';
import { createApiId } from './api-id.ts';
import type { StopDetails, StopReason } from './turns.ts';

/** A whole answer of the model, before it is written in one of the API's two forms. */
export interface Message {
  readonly model: string;
  readonly blocks: readonly Block[];
  readonly usage: TokenUsage;
  readonly stopReason: StopReason;
  readonly stopDetails: StopDetails | null;
  /** True when the last block has begun and not ended. */
  readonly isMidBlock: boolean;
}

/** A server-sent event of a streamed message, and the delay before it. */
export interface StreamStep {
  readonly delayMs: number;
  readonly event: { readonly type: string } & Readonly<Record<string, unknown>>;
}

/** Yields a message as the events of a stream, without the two that end it. */
export function* toOpenStream(message: Message): Generator<StreamStep> {
  // A real stream also counts almost no output at its beginning; `message_delta` has the true number.
  const usage = toApiUsage({ ...message.usage, outputTokens: Math.min(1, message.usage.outputTokens) });
  yield now({ type: 'message_start', message: { ...toEnvelope(message.model), content: [], usage } });
  yield now({ type: 'ping' });
  for (const [index, block] of message.blocks.entries()) {
    yield now({ type: 'content_block_start', index, content_block: toEmptyBlock(block) });
    for (const [place, delta] of toDeltas(block).entries()) {
      const delayMs = place === 0 || !('chunkDelayMs' in block) ? 0 : block.chunkDelayMs;
      yield { delayMs, event: { type: 'content_block_delta', index, delta } };
    }
    if (message.isMidBlock && index === message.blocks.length - 1) return;
    yield now({ type: 'content_block_stop', index });
  }
}

/** Yields the two events that end a streamed message. */
export function* toStreamEnd(message: Message): Generator<StreamStep> {
  const { usage } = message;
  const delta = { ...toStop(message), stop_sequence: null };
  yield now({ type: 'message_delta', delta, usage: toApiUsage(usage) });
  yield now({ type: 'message_stop' });
}

/** Yields the event that ends a stream with an error. */
export function* toStreamError(error: ApiError): Generator<StreamStep> {
  yield now({ type: 'error', error });
}

/** Returns a message as the JSON body of an answer without streaming. */
export function toJsonMessage(message: Message): Record<string, unknown> {
  const { model, blocks, usage } = message;
  return {
    ...toEnvelope(model),
    content: blocks.map(toWholeBlock),
    ...toStop(message),
    usage: toApiUsage(usage),
  };
}

function toStop({ stopReason, stopDetails }: Message): Record<string, unknown> {
  const { category = null, explanation = null } = stopDetails ?? {};
  return {
    stop_reason: stopReason,
    ...(stopDetails !== null && { stop_details: { type: 'refusal', category, explanation } }),
  };
}

function now(event: StreamStep['event']): StreamStep {
  return { delayMs: 0, event };
}

function toEnvelope(model: string): Record<string, unknown> {
  return { id: createApiId('msg'), type: 'message', role: 'assistant', model, stop_reason: null, stop_sequence: null };
}

function toEmptyBlock(block: Block): Record<string, unknown> {
  if (block.type === 'text') return { type: 'text', text: '' };
  if (block.type === 'thinking') return { type: 'thinking', thinking: '', signature: '' };
  const { type, name } = block;
  return { type, id: createApiId(type === 'tool_use' ? 'toolu' : 'srvtoolu'), name, input: {} };
}

function toDeltas(block: Block): Record<string, unknown>[] {
  if (block.type === 'text') return block.chunks.map((text) => ({ type: 'text_delta', text }));
  if ('input' in block) {
    return toJsonPieces(block.input).map((json) => ({ type: 'input_json_delta', partial_json: json }));
  }
  const deltas = block.chunks.map((thinking) => ({ type: 'thinking_delta', thinking }));
  return [...deltas, { type: 'signature_delta', signature: toSignature(block.chunks) }];
}

function toWholeBlock(block: Block): Record<string, unknown> {
  if (block.type === 'text') return { type: 'text', text: block.chunks.join('') };
  if ('input' in block) return { ...toEmptyBlock(block), input: block.input };
  return { type: 'thinking', thinking: block.chunks.join(''), signature: toSignature(block.chunks) };
}

/** Splits the input like the API: an empty piece first, then the JSON in parts that are not JSON by themselves. */
function toJsonPieces(input: unknown): string[] {
  const json = JSON.stringify(input);
  const middle = Math.ceil(json.length / 2);
  return ['', json.slice(0, middle), json.slice(middle)];
}

/** Returns a substitute for the provider's signature of a thought, which is opaque to every client. */
function toSignature(chunks: readonly string[]): string {
  return Buffer.from(`scripted:${chunks.join('').length}`).toString('base64');
}

function toApiUsage(usage: TokenUsage): Record<string, unknown> {
  return {
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: usage.cacheCreationTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation: { ephemeral_5m_input_tokens: usage.cacheCreationTokens, ephemeral_1h_input_tokens: 0 },
    output_tokens: usage.outputTokens,
    service_tier: 'standard',
  };
}
