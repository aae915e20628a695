import { createMiddleware } from 'hono/factory';

/**
 * Cancels the body of a response to a HEAD request. Hono responds as to GET and drops the body, so the stream behind it
 * would never end.
 */
export const cancelUnsent = createMiddleware(async (context, next) => {
  await next();
  if (context.req.method === 'HEAD') await context.res.body?.cancel();
});
