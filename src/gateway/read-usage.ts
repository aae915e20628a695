import { z } from 'zod';
import { toTokenCount } from '../core/usage.ts';
import type { AnswerUsage } from './metered.ts';

/** What is no count at all leaves the one before; one that makes no sense is brought within reason. */
const tokens = z
  .unknown()
  .transform((value) => (typeof value === 'number' && value >= 0 ? toTokenCount(value) : null))
  .optional();

/** What a provider says of an answer's usage. Anything it leaves out, or spells in a way of its own, is null. */
const usageSchema = z.object({
  input_tokens: tokens,
  output_tokens: tokens,
  cache_read_input_tokens: tokens,
  cache_creation_input_tokens: tokens,
  cache_creation: z.object({ ephemeral_1h_input_tokens: tokens }).nullish().catch(null),
  output_tokens_details: z.object({ thinking_tokens: tokens }).nullish().catch(null),
  server_tool_use: z.object({ web_search_requests: tokens }).nullish().catch(null),
  speed: z.string().nullish().catch(null),
  inference_geo: z.string().nullish().catch(null),
});

type ReadUsage = Omit<AnswerUsage, 'model' | 'isEstimated'>;

/** Takes over what `received` says; its counts are cumulative, so each replaces the one `before`. */
export function readUsage(before: ReadUsage, received: unknown): ReadUsage {
  const usage = usageSchema.safeParse(received).data;
  if (usage === undefined) return before;
  return {
    inputTokens: usage.input_tokens ?? before.inputTokens,
    outputTokens: usage.output_tokens ?? before.outputTokens,
    cacheReadTokens: usage.cache_read_input_tokens ?? before.cacheReadTokens,
    cacheCreationTokens: usage.cache_creation_input_tokens ?? before.cacheCreationTokens,
    cacheCreation1hTokens: usage.cache_creation?.ephemeral_1h_input_tokens ?? before.cacheCreation1hTokens ?? 0,
    thinkingTokens: usage.output_tokens_details?.thinking_tokens ?? before.thinkingTokens ?? null,
    webSearches: usage.server_tool_use?.web_search_requests ?? before.webSearches ?? 0,
    isFast: usage.speed === undefined || usage.speed === null ? (before.isFast ?? false) : usage.speed === 'fast',
    isUsOnly:
      usage.inference_geo === undefined || usage.inference_geo === null
        ? (before.isUsOnly ?? false)
        : usage.inference_geo === 'us',
  };
}
