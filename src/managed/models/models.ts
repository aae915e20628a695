import { ALIASES, toPlainModelName } from '../../core/model-names.ts';
import { MODEL_PRICES } from '../../core/model-prices.ts';
import { describeModel } from '../../core/price-table.ts';
import { isAllowedModel, type Bounds } from '../agents/bounds.ts';

/** A model that an agent of a client may name. */
export interface Model {
  readonly id: string;
  readonly name: string;
  /** Most tokens of a prompt; null: unknown. */
  readonly contextTokens: number | null;
  readonly isDeprecated: boolean;
}

/** Lists the models that the configuration allows by name; if it names none, all models with a known price. */
export function listModels({ models, prices }: Bounds): Model[] {
  const ids = models ?? [...MODEL_PRICES.keys(), ...Object.keys(prices)];
  return [...new Set(ids)].map(toModel);
}

/** Finds the model that an agent gets by this id or alias; null when an agent may not name it. */
export function findModel(bounds: Bounds, id: string): Model | null {
  if (!isAllowedModel(id, bounds)) return null;
  return toModel(bounds.models === null ? (ALIASES.get(toPlainModelName(id)) ?? id) : id);
}

function toModel(id: string): Model {
  const known = describeModel(id);
  return {
    id,
    name: known?.name ?? id,
    contextTokens: known?.contextTokens ?? null,
    isDeprecated: known?.isDeprecated ?? false,
  };
}

/** Returns the model as clients see it. Longhaul knows neither its release nor its abilities, and says so. */
export function toWireModel({ id, name, contextTokens, isDeprecated }: Model): Record<string, unknown> {
  return {
    id,
    type: 'model',
    display_name: name,
    created_at: new Date(0).toISOString(),
    lifecycle: isDeprecated ? 'deprecated' : 'active',
    line: null,
    max_input_tokens: contextTokens,
    max_tokens: null,
    capabilities: null,
    allowed_fallback_models: null,
    deprecated_at: null,
    retires_at: null,
  };
}
