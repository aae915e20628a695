import { toMessage } from '../core/errors.ts';
import type { GatewayLog } from './gateway-log.ts';

/** Keeps what is known of the provider's limits, for all gateways together. */
export interface Governor {
  /** A model call ran into a limit. */
  onLimit(limit: ProviderLimit): void;
  /** A model call was answered. */
  onAnswer(model: string): void;
  /** The limit that holds for `model` now, or null. Asked before each call is sent. */
  limitOf(model: string): StandingLimit | null;
}

/** A limit of the provider's that a model call ran into. */
export interface ProviderLimit {
  /** As the request named it. */
  readonly model: string;
  readonly kind: 'rate_limit' | 'overloaded';
  /** When the provider said to take calls again, in milliseconds since the epoch, or null. */
  readonly resetAt: number | null;
  /** The provider's words. */
  readonly message: string;
  /** Whether it holds for every model of the account. */
  readonly isAccountWide: boolean;
}

/** A limit for which calls are refused unsent, unless it ends in a moment. */
export interface StandingLimit {
  /** Milliseconds since the epoch. */
  readonly resetAt: number;
  readonly code: 'provider_rate_limit' | 'provider_overloaded';
  /** Goes to the agent's process. */
  readonly message: string;
}

const NO_GOVERNOR: Governor = { onLimit: () => undefined, onAnswer: () => undefined, limitOf: () => null };

/** `governor`, whose errors are logged: a model call does not fail for them. */
export function toWatchedGovernor(governor: Governor = NO_GOVERNOR, log: GatewayLog): Governor {
  function watch<T>(ask: () => T, otherwise: T): T {
    try {
      return ask();
    } catch (cause) {
      log.error({ cause: toMessage(cause) }, "The provider's limits could not be kept.");
      return otherwise;
    }
  }
  return {
    onLimit: (limit) => watch(() => governor.onLimit(limit), undefined),
    onAnswer: (model) => watch(() => governor.onAnswer(model), undefined),
    limitOf: (model) => watch(() => governor.limitOf(model), null),
  };
}
