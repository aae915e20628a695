import { z } from 'zod';
import { price } from './option-values.ts';

const priceSchema = z.strictObject({
  /** Price of a million input tokens. */
  inputUsdPerMTok: price(),
  /** Price of a million output tokens. */
  outputUsdPerMTok: price(),
  /** Price of a million tokens read from the cache. Defaults to a tenth of the input's. */
  cacheReadUsdPerMTok: price().optional(),
  /** Price of a million tokens written to the cache for 5 minutes. Defaults to 1.25 times the input's. */
  cacheWriteUsdPerMTok: price().optional(),
  /** Price of a million tokens written to the cache for an hour. Defaults to twice the input's. */
  cacheWrite1hUsdPerMTok: price().optional(),
});

/** Prices of models, by any of their names. */
export const pricesSchema = z.record(z.string().min(1), priceSchema, 'must be an object of prices by model');
