import { createMiddleware } from 'hono/factory';

const HEADERS = {
  // Responses are for programs: a browser must not render one as a page, guess another type, or frame one.
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // Responses are for one caller only. Streams set this header themselves.
  'cache-control': 'no-store',
};

/** Sets headers on every response so that it is neither misinterpreted nor cached. Headers set by a route are kept. */
export const securityHeaders = createMiddleware(async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!context.res.headers.has(name)) context.header(name, value);
  }
});
