import type { ModelNames } from '../core/model-names.ts';
import type { RequestBody } from './request-body.ts';

/** What of a request decides on its cost. */
export interface Call extends Pick<
  RequestBody,
  'maxTokens' | 'isTurn' | 'isStreamed' | 'isUsOnly' | 'isLongContext' | 'demand'
> {
  /** What its model is asked for by: first as the provider is, last as the agent's process did. */
  readonly asked: ModelNames;
}
