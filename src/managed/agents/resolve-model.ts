import { invalid, notSupported } from '../error.ts';
import type { ModelConfig } from './agent-snapshot.ts';
import type { ModelInput } from './agent-schema.ts';

interface ResolveModelOptions {
  /** The model that this one replaces; its effort stays when the id does and none is named. */
  readonly replaced?: ModelConfig | undefined;
  /** The effort of a model for which none is named. */
  readonly usualEffort: 'low' | 'medium' | 'high';
}

/**
 * Returns a model with every default in place.
 * @throws {ManagedError} `not_supported` for options that Longhaul cannot keep.
 */
export function resolveModel(model: ModelInput, { replaced, usualEffort }: ResolveModelOptions): ModelConfig {
  const { id, effort, speed, inference_geo: geo } = model;
  if (/\s/.test(id)) throw invalid('model.id: must have no spaces');
  if (speed === 'fast') throw notSupported('model.speed', 'The speed "fast"');
  if (geo !== null && geo !== undefined) throw notSupported('model.inference_geo');
  if (effort?.type === 'xhigh' || effort?.type === 'max') {
    throw notSupported('model.effort', `The effort "${effort.type}"`);
  }
  const kept = effort === undefined && replaced?.id === id ? replaced.effort.type : usualEffort;
  return { id, effort: { type: effort?.type ?? kept }, speed: 'standard' };
}
