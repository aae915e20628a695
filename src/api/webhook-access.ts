import { isOperator, type Caller } from '../access/caller.ts';
import { hasScope } from '../access/scopes.ts';
import type { WebhooksConfig } from '../config/config.ts';
import { LonghaulError } from '../core/errors.ts';
import { findUrlProblem } from '../webhook/check-url.ts';
import type { KeyFilter } from '../webhook/endpoints.ts';
import { fieldError } from './problem.ts';

/**
 * Whose webhooks the caller has: its key's own, or as an operator everybody's.
 * @throws {LonghaulError} `forbidden` for a token: with one, whoever opens a page would have posts signed in the
 * application's name, and see where it listens.
 */
export function toKeyFilter(caller: Caller): KeyFilter {
  requireKey(caller, []);
  return isOperator(caller) ? null : caller.keyId;
}

/**
 * Holds an address that a caller names to what the configuration allows, and the caller to what it may have told there.
 * @throws {LonghaulError} `forbidden` for a token and for a key that may not read runs; `invalid_request`, naming `path`.
 */
export function checkWebhookUrl(
  url: string,
  { path, caller, config }: { path: string; caller: Caller; config: WebhooksConfig },
): void {
  requireKey(caller, [{ path, message: 'must be left out with a token' }]);
  if (!hasScope(caller.scopes, 'runs:read')) {
    throw new LonghaulError('forbidden', {
      message: 'A webhook tells what runs answer, so it takes the scope runs:read, which this API key lacks.',
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
