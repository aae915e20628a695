import { z } from '@hono/zod-openapi';

/** Schemas of fields that several responses share. */

/** An amount of money. */
export const usd = () => z.number().describe('USD, at most 6 decimals.');

/** A point in time. */
export const instant = () => z.iso.datetime().describe('ISO 8601, UTC.');

/** Token counts by kind, shared by all schemas that count tokens. */
export const tokens = {
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheReadTokens: z.int(),
  cacheCreationTokens: z.int(),
};

/** The category of a refusal. */
export const refusalCategory = () =>
  z
    .string()
    .optional()
    .describe('For a refusal: the category of the content, such as `cyber`, if the provider names one.');
