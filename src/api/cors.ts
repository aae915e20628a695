import { cors } from 'hono/cors';

/** How long a browser need not ask again. */
const MAX_AGE_SECONDS = 7_200;

/** Lets pages of these origins call the API. Browsers ask beforehand, without a key, and are answered. */
export function allowOrigins(origins: readonly string[]) {
  return cors({
    origin: origins.includes('*') ? '*' : [...origins],
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID'],
    exposeHeaders: ['Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After'],
    maxAge: MAX_AGE_SECONDS,
  });
}
