import type { RunError } from '../../core/events.ts';

type RetryStatus = 'retrying' | 'exhausted';

/** Codes of runs whose failure has its own type. */
const TYPES: Readonly<Record<string, string>> = {
  max_turns: 'tool_use_limit_reached_error',
  provider_rate_limit: 'model_rate_limited_error',
  provider_overloaded: 'model_overloaded_error',
  provider_billing: 'billing_error',
  provider_auth: 'model_request_failed_error',
  provider_error: 'model_request_failed_error',
  provider_invalid_request: 'model_request_failed_error',
  invalid_model: 'model_request_failed_error',
  request_too_large: 'model_request_failed_error',
};

/** Makes the error of a run's failure. An error of unknown type has Longhaul's code in its message. */
export function toSessionError({ code, message }: RunError, status: RetryStatus): Record<string, unknown> {
  const type = TYPES[code] ?? 'unknown_error';
  return {
    type,
    message: type === 'unknown_error' ? `${message} (${code})` : message,
    retry_status: { type: status },
  };
}

/** Makes the error of a model request that Claude Code repeats. */
export function toRetryError(status: number | null, message: string): Record<string, unknown> {
  const types: Readonly<Record<number, string>> = { 429: 'model_rate_limited_error', 529: 'model_overloaded_error' };
  const type = types[status ?? 0] ?? 'model_request_failed_error';
  return { type, message, retry_status: { type: 'retrying' } };
}

/** Makes the error of a run that waits until it can go on. */
export function toWaitingError(
  waitingFor: 'budget' | 'provider_limit',
  until: string | undefined,
): Record<string, unknown> {
  const when = until === undefined ? '' : ` It is tried again at ${until}.`;
  return waitingFor === 'budget'
    ? { type: 'billing_error', message: `A spending limit is reached.${when}`, retry_status: { type: 'retrying' } }
    : {
        type: 'model_rate_limited_error',
        message: `The model cannot be called now.${when}`,
        retry_status: { type: 'retrying' },
      };
}
