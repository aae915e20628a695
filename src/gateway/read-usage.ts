import { toFields, toList, toText } from '../core/untyped.ts';
import { toTokenCount } from '../core/usage.ts';

/** A sampling of a model within an answer, as the provider counts it. */
export interface Iteration {
  /** `message` and `fallback_message` are included in the answer's own counts; other types are separate, or new. */
  readonly type: string;
  /** Null: the answer's own. */
  readonly model: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheCreationTokens: number;
  /** Null when the provider does not report it. */
  readonly cacheCreation1hTokens: number | null;
}

/** An answer's own counts, as far as they have arrived. */
export interface Counts extends Omit<Iteration, 'type' | 'model' | 'cacheCreation1hTokens'> {
  readonly cacheCreation1hTokens: number;
  readonly thinkingTokens: number | null;
  readonly webSearches: number;
  readonly isFast: boolean;
  readonly isUsOnly: boolean;
  readonly iterations: readonly Iteration[];
}

/**
 * Takes over the counts in `received`. Counts are cumulative, so each replaces the one `before`. A count of zero, or a
 * missing one, changes nothing: the end of a stream often leaves out the counts of its beginning, or repeats them as 0.
 * Other values that make no sense count as zero.
 */
export function readUsage(before: Counts, received: unknown): Counts {
  const usage = toFields(received);
  const cacheCreationTokens = toTokenCount(usage['cache_creation_input_tokens']) || before.cacheCreationTokens;
  const hour = readHour(usage['cache_creation'], cacheCreationTokens);
  const thinking = toFields(usage['output_tokens_details'])['thinking_tokens'];
  const { speed, inference_geo: place } = usage;
  const iterations = toList(usage['iterations']).map(readIteration);
  return {
    inputTokens: toTokenCount(usage['input_tokens']) || before.inputTokens,
    outputTokens: toTokenCount(usage['output_tokens']) || before.outputTokens,
    cacheReadTokens: toTokenCount(usage['cache_read_input_tokens']) || before.cacheReadTokens,
    cacheCreationTokens,
    cacheCreation1hTokens: hour || before.cacheCreation1hTokens,
    thinkingTokens: typeof thinking === 'number' && thinking >= 0 ? toTokenCount(thinking) : before.thinkingTokens,
    webSearches: toTokenCount(toFields(usage['server_tool_use'])['web_search_requests']) || before.webSearches,
    isFast: typeof speed === 'string' ? speed === 'fast' : before.isFast,
    isUsOnly: typeof place === 'string' ? place === 'us' : before.isUsOnly,
    iterations: iterations.length > 0 ? iterations : before.iterations,
  };
}

function readIteration(received: unknown): Iteration {
  const iteration = toFields(received);
  const cacheCreationTokens = toTokenCount(iteration['cache_creation_input_tokens']);
  const split = iteration['cache_creation'];
  return {
    type: toText(iteration['type']) ?? '',
    model: toText(iteration['model']),
    inputTokens: toTokenCount(iteration['input_tokens']),
    outputTokens: toTokenCount(iteration['output_tokens']),
    cacheReadTokens: toTokenCount(iteration['cache_read_input_tokens']),
    cacheCreationTokens,
    cacheCreation1hTokens: typeof split === 'object' && split !== null ? readHour(split, cacheCreationTokens) : null,
  };
}

/**
 * Returns how many of `writtenTokens` were for an hour: all, if the provider reports none for 5 minutes and some for an
 * hour.
 */
function readHour(received: unknown, writtenTokens: number): number {
  const split = toFields(received);
  const hour = toTokenCount(split['ephemeral_1h_input_tokens']);
  return hour > 0 && split['ephemeral_5m_input_tokens'] === 0 ? writtenTokens : Math.min(hour, writtenTokens);
}
