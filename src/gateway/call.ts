import type { ModelNames } from '../core/model-names.ts';
import type { RequestBody } from './request-body.ts';

/** The facts about a request that determine its cost. */
export interface Call extends Pick<
  RequestBody,
  'maxTokens' | 'isTurn' | 'isStreamed' | 'isUsOnly' | 'isLongContext' | 'demand'
> {
  /** Names of its model: first the name requested from the provider, last the name requested by the agent's process. */
  readonly asked: ModelNames;
}
