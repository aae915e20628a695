import { toModelKey } from '../core/model-names.ts';

const FAMILY = /^claude-.*\b(opus|sonnet|haiku|fable)\b/;

/**
 * Returns the name to request from a provider instead of `model`: the map's entry for its id, its name without date, or
 * its family. A model that the map does not contain stays unchanged.
 */
export function toProviderModel(model: string, models: Readonly<Record<string, string>>): string {
  const names = [model, toModelKey(model), FAMILY.exec(model)?.[1] ?? model];
  const name = names.find((candidate) => Object.hasOwn(models, candidate));
  return name === undefined ? model : (models[name] ?? model);
}

/** Returns whether a model's id may become part of a path: `..` would lead elsewhere. */
export function isModelId(model: string): boolean {
  return /^(?!.*\.\.)[A-Za-z0-9][\w.:@/+-]{0,500}$/.test(model);
}
