import { toModelKey } from '../core/model-names.ts';
import type { BillableUsage, SamplingUsage } from '../core/pricing.ts';
import { addUsage, NO_USAGE, type TokenUsage } from '../core/usage.ts';
import type { Counts, Iteration } from './read-usage.ts';

/** The usage of an answer so far. */
export interface AnswerUsage extends BillableUsage {
  /** The provider's name of the model that answered. */
  readonly model: string;
  /** True when a part of this is our estimate. */
  readonly isEstimated: boolean;
  /** True when the input is unknown. Defaults to false. */
  readonly isInputUnknown?: boolean;
  /** Null, or missing, when the provider did not report it. */
  readonly thinkingTokens?: number | null;
  /**
   * Further usage for the answer, by other models or the same one: an advisor, a fallback, a summary. Defaults to none.
   */
  readonly others?: readonly OtherUsage[];
}

/** Usage for an answer in addition to its own counts. */
export interface OtherUsage extends SamplingUsage {
  readonly model: string;
}

/** Kinds of iterations that the answer's own counts include. */
const INSIDE = new Set(['message', 'fallback_message']);
/** Kinds of iterations that the answer's own counts leave out. */
const BESIDE = new Set(['advisor_message', 'compaction']);

/**
 * Splits an answer's counts into the parts that are billed separately: each sampling in the tier of its prompt, other
 * models at their own price, and usage that the answer's own counts leave out. Iterations that do not add up to the
 * counts are ignored. A new kind of iteration counts as left out unless the sum shows otherwise.
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

/**
 * Distributes writes for an hour that no iteration claims, in order, to the iterations that do not report their own.
 */
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
