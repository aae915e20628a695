import { toMessage } from '../core/errors.ts';
import type { GatewayLog } from './gateway-log.ts';

/** Tracks the provider's limits, for all gateways together. */
export interface Governor {
  /** Records that a model call met a limit. */
  onLimit(limit: ProviderLimit): void;
  /** Records that a model call was answered. */
  onAnswer(model: string): void;
  /** Returns the limit that applies to `model` now, or null. Called before each call is sent. */
  limitOf(model: string): StandingLimit | null;
}

/** A limit of the provider that a model call met. */
export interface ProviderLimit {
  /** The model's name in the request. */
  readonly model: string;
  readonly kind: 'rate_limit' | 'overloaded';
  /** Time after which the provider accepts calls again, as it reported, in milliseconds since the epoch, or null. */
  readonly resetAt: number | null;
  /** The provider's message. */
  readonly message: string;
  /** True when it applies to every model of the account. */
  readonly isAccountWide: boolean;
}

/** A limit for which calls are rejected without being sent, unless it ends in a moment. */
export interface StandingLimit {
  /** Milliseconds since the epoch. */
  readonly resetAt: number;
  readonly code: 'provider_rate_limit' | 'provider_overloaded';
  /** Message for the agent's process. */
  readonly message: string;
}

const NO_GOVERNOR: Governor = { onLimit: () => undefined, onAnswer: () => undefined, limitOf: () => null };

/** Wraps `governor` so that its errors are logged: a model call does not fail because of them. */
export function toWatchedGovernor(governor: Governor = NO_GOVERNOR, log: GatewayLog): Governor {
  function watch<T>(ask: () => T, otherwise: T): T {
    try {
      return ask();
    } catch (cause) {
      log.error({ cause: toMessage(cause) }, "The provider's limits could not be tracked.");
      return otherwise;
    }
  }
  return {
    onLimit: (limit) => watch(() => governor.onLimit(limit), undefined),
    onAnswer: (model) => watch(() => governor.onAnswer(model), undefined),
    limitOf: (model) => watch(() => governor.limitOf(model), null),
  };
}
