import { WINDOW_SECONDS, type RateLimitState } from '../run/accept/rate-limits.ts';

/**
 * Creates the `RateLimit` headers of draft-ietf-httpapi-ratelimit-headers-10: the policies, and what remains of each.
 */
export function toRateLimitHeaders(states: readonly RateLimitState[]): Record<string, string> {
  if (states.length === 0) return {};
  return {
    'RateLimit-Policy': states.map(({ name, quota }) => `"${name}";q=${quota};w=${WINDOW_SECONDS}`).join(', '),
    RateLimit: states
      .map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`)
      .join(', '),
  };
}
