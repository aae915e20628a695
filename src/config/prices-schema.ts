import { z } from 'zod';
import { price } from './option-values.ts';

const priceSchema = z.strictObject({
  /** USD for a million tokens that the model reads. */
  inputUsdPerMTok: price(),
  /** For a million that it writes. */
  outputUsdPerMTok: price(),
  /** For a million that it reads from the cache. Defaults to a tenth of the input's. */
  cacheReadUsdPerMTok: price().optional(),
  /** For a million written to the cache for 5 minutes. Defaults to 1.25 times the input's. */
  cacheWriteUsdPerMTok: price().optional(),
  /** For a million written to the cache for an hour. Defaults to twice the input's. */
  cacheWrite1hUsdPerMTok: price().optional(),
});

/** What models cost, by any name of theirs. */
export const pricesSchema = z.record(z.string().min(1), priceSchema, 'must be an object of prices by model');
