import { describe, expect, it } from 'vitest';
import { inMatchingOrder } from './find-route.ts';
import { ROUTES } from './routes.ts';

/** Returns whether a pattern of Hono matches a path, whose own parameters stand for any value. */
function matches(pattern: string, path: string): boolean {
  const [parts, values] = [pattern.split('/'), path.split('/')];
  return parts.length === values.length && parts.every((part, at) => part.startsWith(':') || part === values[at]);
}

describe('the order in which routes match', () => {
  it.each([
    ['as they are declared', ROUTES],
    ['backwards', ROUTES.toReversed()],
    ['by name', ROUTES.toSorted((a, b) => (a.operationId < b.operationId ? -1 : 1))],
  ])('finds each route at its own path when they stand %s', (_, routes) => {
    const ordered = inMatchingOrder(routes);
    expect(ordered).toHaveLength(ROUTES.length);
    for (const route of ordered) {
      const first = ordered.find(({ method, pattern }) => method === route.method && matches(pattern, route.pattern));
      expect(first?.operationId).toBe(route.operationId);
    }
  });

  it('matters: two routes match the path of the shared secret', () => {
    const found = ROUTES.filter(({ method, pattern }) => method === 'GET' && matches(pattern, '/v1/webhooks/secret'));
    expect(found.map(({ operationId }) => operationId).toSorted()).toEqual(['getWebhook', 'getWebhookSecret']);
  });
});
