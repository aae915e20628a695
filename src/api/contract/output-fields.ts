import { z } from '@hono/zod-openapi';

/** What a field of an answer may hold. */

/** An amount of money. */
export const usd = () => z.number().describe('USD, at most 6 decimals.');

/** A moment. */
export const instant = () => z.iso.datetime().describe('ISO 8601, UTC.');

/** Tokens, by kind: the fields of whatever counts them. */
export const tokens = {
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheReadTokens: z.int(),
  cacheCreationTokens: z.int(),
};

/** What a refusal was about. */
export const refusalCategory = () =>
  z
    .string()
    .optional()
    .describe('Of a refusal: the kind of content it is about, where the provider names one, such as `cyber`.');
