import type { TokenUsage } from '../core/usage.ts';
import type { Block } from './blocks.ts';
import type { ModelRequest } from './model-request.ts';

const CHARACTERS_PER_TOKEN = 4;

/**
 * Estimates the tokens that a real model might report for this request and answer: the same every time, and close
 * enough for a demo. The first request of a conversation writes system prompt and tools to the cache, and later
 * requests read them from it.
 */
export function estimateUsage(request: ModelRequest, blocks: readonly Block[]): TokenUsage {
  const { system, tools, messages } = request.body;
  const prefixTokens = estimateTokens(system) + estimateTokens(tools);
  const isFirst = request.turn === 0;
  return {
    inputTokens: estimateTokens(messages),
    outputTokens: blocks.reduce((sum, block) => sum + estimateTokens(toWritten(block)), 0),
    cacheReadTokens: isFirst ? 0 : prefixTokens,
    cacheCreationTokens: isFirst ? prefixTokens : 0,
  };
}

/** Estimates the tokens of a whole request, for `count_tokens`. */
export function estimateInputTokens({ system, tools, messages }: ModelRequest['body']): number {
  return estimateTokens(system) + estimateTokens(tools) + estimateTokens(messages);
}

function estimateTokens(value: unknown): number {
  if (value === undefined) return 0;
  return Math.ceil(JSON.stringify(value).length / CHARACTERS_PER_TOKEN);
}

function toWritten(block: Block): unknown {
  return 'input' in block ? [block.name, block.input] : block.chunks.join('');
}
