import { toModelKey } from '../core/model-names.ts';

const FAMILY = /^claude-.*\b(opus|sonnet|haiku|fable)\b/;

/**
 * What a provider is asked for in place of `model`: by the map's entry for its id, its name without date, or its
 * family. One that the map does not know stays as it is.
 */
export function toProviderModel(model: string, models: Readonly<Record<string, string>>): string {
  const names = [model, toModelKey(model), FAMILY.exec(model)?.[1] ?? model];
  const name = names.find((candidate) => Object.hasOwn(models, candidate));
  return name === undefined ? model : (models[name] ?? model);
}

/** Whether a model's id may become part of a path: `..` would lead elsewhere. */
export function isModelId(model: string): boolean {
  return /^(?!.*\.\.)[A-Za-z0-9][\w.:@/+-]{0,500}$/.test(model);
}
