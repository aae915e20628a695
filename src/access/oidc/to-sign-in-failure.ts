import { AuthorizationResponseError, ResponseBodyError } from 'openid-client';
import { toMessage } from '../../core/errors.ts';
import { SignInFailure } from './sign-in-failure.ts';

/** Converts an error of the protocol, or of the connection to the provider. */
export function toSignInFailure(error: unknown): SignInFailure {
  if (error instanceof SignInFailure) return error;
  if (error instanceof AuthorizationResponseError) {
    const reason = error.error === 'access_denied' ? 'denied' : 'failed';
    return new SignInFailure(
      reason,
      `The provider answered ${error.error}: ${error.error_description ?? 'no details'}`,
    );
  }
  if (error instanceof ResponseBodyError) {
    const details = `${error.error}: ${error.error_description ?? 'no details'}`;
    return new SignInFailure('failed', `The token endpoint answered ${error.status}, ${details}`, { cause: error });
  }
  const { code } = error as { code?: unknown };
  // `fetch` reports a failed connection as a TypeError with a cause.
  const isUnreachable = code === 'OAUTH_TIMEOUT' || (error instanceof TypeError && error.cause !== undefined);
  return new SignInFailure(isUnreachable ? 'unreachable' : 'failed', toMessage(error), { cause: error });
}
