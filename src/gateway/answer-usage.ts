import { toModelKey } from '../core/model-names.ts';
import type { BillableUsage, SamplingUsage } from '../core/pricing.ts';
import { addUsage, NO_USAGE, type TokenUsage } from '../core/usage.ts';
import type { Counts, Iteration } from './read-usage.ts';

/** What one answer has used so far. */
export interface AnswerUsage extends BillableUsage {
  /** As the provider names the model that answered. */
  readonly model: string;
  /** Whether a part of this is our estimate. */
  readonly isEstimated: boolean;
  /** Whether nothing is known of what was read. Defaults to false. */
  readonly isInputUnknown?: boolean;
  /** Null, or not there, when the provider did not say. */
  readonly thinkingTokens?: number | null;
  /** What other models, or the same one besides, have used for it: an advisor, a fallback, a summary. Defaults to none. */
  readonly others?: readonly OtherUsage[];
}

/** What was used for an answer beside its own counts. */
export interface OtherUsage extends SamplingUsage {
  readonly model: string;
}

/** Kinds of iterations that an answer's own counts are the sum of. */
const INSIDE = new Set(['message', 'fallback_message']);
/** Kinds that they leave out. */
const BESIDE = new Set(['advisor_message', 'compaction']);

/**
 * An answer's counts, taken apart into what is billed apart: each sampling in the tier of its own prompt, other models
 * at their own price, and what the answer's own counts leave out. Iterations that do not add up to these are not gone by.
 * A kind that is new counts as left out unless the sum says otherwise.
 */
export function toAnswerUsage(
  { iterations, ...counts }: Counts,
  answer: { model: string; isLongContext: boolean; isEstimated: boolean },
): AnswerUsage {
  const { model } = answer;
  const whole = { ...counts, ...answer };
  if (iterations.length === 0) return whole;
  const known = iterations.filter(({ type }) => INSIDE.has(type));
  const unknown = iterations.filter(({ type }) => !INSIDE.has(type) && !BESIDE.has(type));
  const inside = [known, [...known, ...unknown]].find((some) => addsUpTo(some, counts)) ?? [];
  const outside = iterations.filter((one) => !inside.includes(one) && !INSIDE.has(one.type));
  const parts = splitHour(inside, counts);
  const matching = parts.filter((part) => isSameModel(part.model, model));
  // A proxy may name the model in one place and not in the other.
  const own = matching.length > 0 ? matching : parts;
  const foreign = [...parts.filter((part) => !own.includes(part)), ...splitHour(outside, NO_WRITES)];
  const others = foreign.map((part) => ({ ...part, model: part.model ?? model }));
  if (own.length === 0) return { ...whole, ...(others.length > 0 && { others }) };
  return {
    ...whole,
    ...own.reduce<TokenUsage>(addUsage, NO_USAGE),
    cacheCreation1hTokens: own.reduce((sum, part) => sum + part.cacheCreation1hTokens, 0),
    ...(own.length > 1 && { samplings: own }),
    ...(others.length > 0 && { others }),
  };
}

function addsUpTo(iterations: readonly Iteration[], counts: TokenUsage): boolean {
  const sum = iterations.reduce<TokenUsage>(addUsage, NO_USAGE);
  return (Object.keys(NO_USAGE) as (keyof TokenUsage)[]).every((kind) => sum[kind] === counts[kind]);
}

function isSameModel(name: string | null, model: string): boolean {
  return name === null || toModelKey(name) === toModelKey(model);
}

const NO_WRITES = { cacheCreation1hTokens: 0 };

type Part = OtherUsage & { readonly cacheCreation1hTokens: number };

/** Writes for an hour that no iteration claims are shared out in order, to those that do not say what theirs were. */
function splitHour(
  iterations: readonly Iteration[],
  { cacheCreation1hTokens: all }: Pick<Counts, 'cacheCreation1hTokens'>,
): (Omit<Part, 'model'> & Pick<Iteration, 'model'>)[] {
  let left = all - iterations.reduce((sum, { cacheCreation1hTokens: hour }) => sum + (hour ?? 0), 0);
  return iterations.map(({ type: _, ...iteration }) => {
    const hour = iteration.cacheCreation1hTokens ?? Math.max(0, Math.min(left, iteration.cacheCreationTokens));
    if (iteration.cacheCreation1hTokens === null) left -= hour;
    return { ...iteration, cacheCreation1hTokens: hour };
  });
}
