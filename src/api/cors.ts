import { cors } from 'hono/cors';

/** Seconds that a browser may cache a preflight response. */
const MAX_AGE_SECONDS = 7_200;

/**
 * Allows pages of these origins to call the API, and answers the preflight requests of browsers, which carry no key.
 */
export function allowOrigins(origins: readonly string[]) {
  return cors({
    origin: origins.includes('*') ? '*' : [...origins],
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID'],
    exposeHeaders: ['Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After'],
    maxAge: MAX_AGE_SECONDS,
  });
}
