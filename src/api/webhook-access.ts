import { isOperator, type Caller } from '../access/caller.ts';
import { hasScope } from '../access/scopes.ts';
import type { WebhooksConfig } from '../config/config.ts';
import { LonghaulError } from '../core/errors.ts';
import { findUrlProblem } from '../webhook/check-url.ts';
import type { KeyFilter } from '../webhook/endpoints.ts';
import { fieldError } from './problem.ts';

/**
 * Returns the filter for the webhooks that the caller may use: the webhooks of its key, or for an operator all.
 * @throws {LonghaulError} `forbidden` for a token: otherwise any user with a page could have posts signed in the
 * application's name, and see its webhook URLs.
 */
export function toKeyFilter(caller: Caller): KeyFilter {
  requireKey(caller, []);
  return isOperator(caller) ? null : caller.keyId;
}

/**
 * Checks that the configuration allows the URL that a caller names, and that the caller may use webhooks.
 * @throws {LonghaulError} `forbidden` for a token and for a key that may not read runs; `invalid_request`, naming
 * `path`.
 */
export function checkWebhookUrl(
  url: string,
  { path, caller, config }: { path: string; caller: Caller; config: WebhooksConfig },
): void {
  requireKey(caller, [{ path, message: 'must be left out with a token' }]);
  if (!hasScope(caller.scopes, 'runs:read')) {
    throw new LonghaulError('forbidden', {
      message: 'A webhook receives the results of runs, so it needs the scope runs:read, which this API key lacks.',
      errors: [{ path, message: 'must be left out without the scope runs:read' }],
    });
  }
  const problem = findUrlProblem(url, config);
  if (problem !== null) throw fieldError(path, problem);
}

function requireKey({ kind }: Caller, errors: { path: string; message: string }[]): void {
  if (kind === 'key') return;
  throw new LonghaulError('forbidden', { message: 'Webhooks are for API keys, not for tokens.', errors });
}
