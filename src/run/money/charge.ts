import { toModelKey, toPlainModelName, withoutDate } from '../../core/model-names.ts';
import { toMicros, toUsd, type Micros } from '../../core/money.ts';
import { addUsage, type ModelUsage } from '../../core/usage.ts';
import type { Spending } from './spending.ts';

/** The charge for an attempt, by model. */
export interface Charge extends Spending {
  readonly models: Readonly<Record<string, ChargedModel>>;
}

/** The charge for one model. */
export interface ChargedModel extends ModelUsage {
  /** The Agent SDK's figure; null when it reports none, or none that can be compared. */
  readonly sdkCostMicros: Micros | null;
}

/**
 * Computes the charge for an attempt from the gateway's count and the Agent SDK's report. All calls pass through the
 * gateway, which has the provider's own counts and the name of the model that answered. The SDK has only the requested
 * name, uses its own price list, and counts what is not billed. So the gateway's count is charged. The SDK's figure is
 * kept beside it, on the model that its name stood for, and charged in two cases: the gateway has no record at all; or
 * the gateway's count is an estimate, the model was requested by its own name, and the SDK's figure is larger.
 */
export function toCharge(metered: Spending, reported: Spending | null): Charge {
  const seen = mergeByName(metered.models);
  if (seen.size === 0 && metered.costMicros === 0 && reported !== null) return toReportedCharge(reported);
  const sdk = attribute(reported?.models ?? {}, seen);
  let costMicros = metered.costMicros;
  const models = [...seen].map(([name, usage]): [string, ChargedModel] => {
    const sdkCostMicros = usage.isPriceSet === true ? null : (sdk.get(name) ?? null);
    const isBySdk = usage.isEstimated === true && isAskedForAs(name, usage);
    const extra = isBySdk ? Math.max(0, (sdkCostMicros ?? 0) - toMicros(usage.costUsd)) : 0;
    costMicros += extra;
    return [name, { ...usage, costUsd: toUsd(toMicros(usage.costUsd) + extra), sdkCostMicros }];
  });
  return { costMicros, models: Object.fromEntries(models) };
}

/** Returns whether `model` was requested by its own name only: then the SDK has used its own price for it. */
function isAskedForAs(model: string, { requestedModels = [] }: ModelUsage): boolean {
  return requestedModels.every((requested) => toModelKey(requested) === toModelKey(model));
}

function toReportedCharge({ costMicros, models }: Spending): Charge {
  const charged = [...mergeByName(models)].map(([name, usage]): [string, ChargedModel] => [
    name,
    { ...usage, sdkCostMicros: usage.isCostBasisUnknown === true ? null : toMicros(usage.costUsd) },
  ]);
  return { costMicros, models: Object.fromEntries(charged) };
}

/**
 * Assigns the SDK's cost of each model, in micro-dollars, to the name that answered or the name that was requested.
 * When several models answered to one name, its cost is divided in proportion to their costs. The cost of an unknown
 * name goes to the models without another figure. Leaves out models whose price the SDK guesses.
 */
function attribute(
  reported: Spending['models'],
  seen: ReadonlyMap<string, ModelUsage>,
): ReadonlyMap<string, Micros | null> {
  const said = new Map<string, Micros | null>();
  const give = (names: readonly string[], { costUsd, isCostBasisUnknown }: ModelUsage): void => {
    const shares =
      isCostBasisUnknown === true
        ? null
        : shareOut(
            toMicros(costUsd),
            names.map((name) => seen.get(name)!),
          );
    for (const [index, name] of names.entries()) {
      const before = said.get(name);
      const share = shares?.[index] ?? null;
      said.set(name, before === null || share === null ? null : (before ?? 0) + share);
    }
  };
  const unknown: ModelUsage[] = [];
  for (const [name, usage] of Object.entries(reported)) {
    const key = toModelKey(name);
    const names = [...seen].filter(([answered, { requestedModels = [] }]) =>
      [answered, ...requestedModels].some((candidate) => toModelKey(candidate) === key),
    );
    if (names.length > 0)
      give(
        names.map(([answered]) => answered),
        usage,
      );
    else unknown.push(usage);
  }
  const unsaid = [...seen.keys()].filter((name) => !said.has(name));
  if (unsaid.length > 0) for (const usage of unknown) give(unsaid, usage);
  return said;
}

/** Divides `totalMicros` in proportion to what `models` have cost; the shares add up to it. */
function shareOut(totalMicros: Micros, models: readonly ModelUsage[]): Micros[] {
  const sum = models.reduce((total, { costUsd }) => total + costUsd, 0);
  let left = totalMicros;
  return models.map(({ costUsd }, index) => {
    const share = index === models.length - 1 ? left : Math.round(sum === 0 ? 0 : totalMicros * (costUsd / sum));
    left -= share;
    return share;
  });
}

/** Merges names of one model: with and without its date, and with what a cloud adds around its name. */
function mergeByName(models: Spending['models']): Map<string, ModelUsage> {
  const merged = new Map<string, ModelUsage>();
  for (const [name, usage] of Object.entries(models)) {
    const plain = toName(name);
    const before = merged.get(plain);
    const requestedModels = (usage.requestedModels ?? []).filter((requested) => withoutSuffix(requested) !== plain);
    const named = { ...usage, requestedModels };
    merged.set(plain, before === undefined ? named : addBoth(before, named));
  }
  return merged;
}

function toName(model: string): string {
  const plain = toPlainModelName(model);
  return plain.startsWith('claude-') ? withoutDate(plain) : withoutSuffix(model);
}

function withoutSuffix(model: string): string {
  return model.replace(/\[1m\]$/, '').replace(/[-@]\d{8}$/, '');
}

function addBoth(a: ModelUsage, b: ModelUsage): ModelUsage {
  const sum = (x: number | null | undefined, y: number | null | undefined) =>
    x === null || y === null || x === undefined || y === undefined ? null : x + y;
  return {
    ...addUsage(a, b),
    costUsd: toUsd(toMicros(a.costUsd) + toMicros(b.costUsd)),
    cacheCreation1hTokens: (a.cacheCreation1hTokens ?? 0) + (b.cacheCreation1hTokens ?? 0),
    webSearches: (a.webSearches ?? 0) + (b.webSearches ?? 0),
    thinkingTokens: sum(a.thinkingTokens, b.thinkingTokens),
    ownCostUsd: sum(a.ownCostUsd, b.ownCostUsd),
    requestedModels: [...new Set([...(a.requestedModels ?? []), ...(b.requestedModels ?? [])])],
    isEstimated: a.isEstimated === true || b.isEstimated === true,
    isPriceSet: a.isPriceSet === true || b.isPriceSet === true,
    isCostBasisUnknown: a.isCostBasisUnknown === true || b.isCostBasisUnknown === true,
  };
}
