import { LonghaulError, toMessage } from '../../core/errors.ts';

/** Errors of AWS that no wait can end, by name. */
const REFUSALS = new Set([
  'CredentialsProviderError',
  'AccessDenied',
  'AccessDeniedException',
  'AuthorizationError',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidAddress',
  'InvalidSecurity',
  'MissingAuthenticationToken',
  'OptInRequired',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

/** Returns the sentence that ends a start, or null for an error that may pass. */
export function toSqsRefusal(error: unknown, region: string): LonghaulError | null {
  const name = error instanceof Error ? error.name : '';
  if (!REFUSALS.has(name)) return null;
  const advice =
    name === 'CredentialsProviderError'
      ? 'Longhaul found no credentials: give the process a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
      : 'check the credentials, and the rights that docs/queues.md lists; queues that are created beforehand need no sqs:CreateQueue';
  return new LonghaulError('config_invalid', {
    message: `LONGHAUL_QUEUE_URL names SQS in ${region}, which refuses Longhaul: ${name}: ${toMessage(error).replace(/\.$/, '')}. ${capitalize(advice)}.`,
    cause: error,
  });
}

const capitalize = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Returns whether SQS limits the rate of requests: it is there, and the SDK has retried. */
export function isSqsThrottle(error: unknown): boolean {
  const { name = '', $retryable } = error as { name?: string; $retryable?: { throttling?: boolean } };
  return $retryable?.throttling === true || /Throttl|TooManyRequests|SlowDown|OverLimit/.test(name);
}
