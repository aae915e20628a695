import type { ServerResponse } from 'node:http';
import type { ApiErrorType } from '../core/api-errors.ts';

/**
 * An answer of the gateway itself, in the form of Anthropic's errors. The status decides what Claude Code does
 * (measured): 402 ends the run after this one request, 403 as well but looks like a failed sign-in, 429 and 5xx are
 * retried.
 */
export interface Refusal {
  readonly status: number;
  readonly type: ApiErrorType;
  /** Message for the agent's process: contains no secret and no host. */
  readonly message: string;
}

export const REFUSALS = {
  badToken: {
    status: 402,
    type: 'billing_error',
    message: 'This token is unknown, or its attempt has ended: nothing more can be spent with it.',
  },
  inDoubt: {
    status: 503,
    type: 'api_error',
    message: 'It is not known yet whether this attempt still belongs to its worker. Try again.',
  },
  notFound: { status: 404, type: 'not_found_error', message: 'The Longhaul gateway does not support this path.' },
  notJson: { status: 400, type: 'invalid_request_error', message: 'The body must be a JSON object, not compressed.' },
  repeatsMember: {
    status: 400,
    type: 'invalid_request_error',
    message: 'An object in the body names a member twice: it is not clear which of the two counts. Name each once.',
  },
  tooManyOpen: { status: 429, type: 'rate_limit_error', message: 'The attempt has too many requests open at once.' },
  tooManyConnections: {
    status: 429,
    type: 'rate_limit_error',
    message: 'The attempt has too many connections open to the Longhaul gateway: close some, or use them again.',
  },
  tooMuchHeld: {
    status: 429,
    type: 'rate_limit_error',
    message: 'The Longhaul gateway holds too much data to accept more.',
  },
  tooSlow: {
    status: 408,
    type: 'timeout_error',
    message: 'The body did not arrive in time. The Longhaul gateway closes the connection: send the request again.',
  },
  tooLarge: {
    status: 413,
    type: 'request_too_large',
    message: 'The body is larger than the Longhaul gateway accepts.',
  },
  signInFailed: {
    status: 403,
    type: 'permission_error',
    message: 'The model provider refused the credentials of this service.',
  },
  silentOnce: { status: 504, type: 'timeout_error', message: 'The model provider sent nothing; it was cut off.' },
  silentTwice: { status: 402, type: 'timeout_error', message: 'The model provider sent nothing, twice.' },
  answerTooLarge: { status: 402, type: 'api_error', message: 'The answer of the model provider was too large.' },
  redirected: { status: 502, type: 'api_error', message: 'The model provider answered with a redirect.' },
  unknownProvider: {
    status: 503,
    type: 'api_error',
    message: 'The Longhaul gateway could not decide on this request.',
  },
} as const satisfies Record<string, Refusal>;

interface RefuseOptions {
  /** True to end the connection afterwards. Defaults to false. */
  readonly isLast?: boolean;
}

/** Answers with `refusal`, or cuts the connection when an answer has already begun. */
export function refuse(response: ServerResponse, refusal: Refusal, { isLast = false }: RefuseOptions = {}): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = JSON.stringify({ type: 'error', error: { type: refusal.type, message: refusal.message } });
  if (isLast) response.shouldKeepAlive = false;
  response.writeHead(refusal.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
