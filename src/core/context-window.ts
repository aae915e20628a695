import { toModelKey, type ModelNames } from './model-names.ts';

/** Largest number of tokens that today's models read in one sampling. */
const LARGE = 1_000_000;
const SMALL = 200_000;

/** Models that read less, unless the long context is requested. Source: the catalog inside Claude Code 2.1.330. */
const SMALL_MODELS = new Set([
  'claude-3-5-haiku',
  'claude-haiku-4-5',
  'claude-3-5-sonnet',
  'claude-3-7-sonnet',
  'claude-sonnet-4',
  'claude-sonnet-4-5',
  'claude-opus-4',
  'claude-opus-4-1',
  'claude-opus-4-5',
]);

/**
 * Returns the largest number of tokens that a model can read in one sampling. An unknown model counts as one of the
 * largest.
 */
export function contextWindowOf(names: ModelNames, { isLongContext }: { isLongContext: boolean }): number {
  const isSmall = names.every((name) => SMALL_MODELS.has(toModelKey(name)) && !/\[1m\]/i.test(name));
  return isSmall && !isLongContext ? SMALL : LARGE;
}
