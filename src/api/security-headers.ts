import { createMiddleware } from 'hono/factory';

const HEADERS = {
  // Answers are read by programs: a browser is to make a page of none, nor to guess another type, nor to frame one.
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // They are one caller's own. Streams say so themselves.
  'cache-control': 'no-store',
};

/** Sets on every answer what keeps it from being taken for something else, or kept. What a route has set itself stands. */
export const securityHeaders = createMiddleware(async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!context.res.headers.has(name)) context.header(name, value);
  }
});
