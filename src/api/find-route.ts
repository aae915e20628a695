import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { DeclaredRoute } from './declaration.ts';

/** Finds the route that will respond to a request; null when none matches, for a 404 or 405. */
export type FindRoute = (context: Context) => DeclaredRoute | null;

/**
 * Creates a function that finds the route of a request among the declared ones.
 * @throws {Error} when a route was added that is not declared, because nothing says who may use it.
 */
export function createRouteFinder(routes: readonly DeclaredRoute[]): FindRoute {
  const declared = new Map(routes.map((route) => [`${route.method} ${route.pattern}`, route]));
  return (context) => {
    const matched = matchedRoutes(context).find(({ method }) => method !== 'ALL');
    if (matched === undefined) return null;
    const found = declared.get(`${matched.method} ${matched.path}`);
    if (found === undefined) throw new Error(`The route ${matched.method} ${matched.path} is not declared.`);
    return found;
  };
}

/**
 * Sorts routes so that the first match is the right one: `/v1/webhooks/secret` before `/v1/webhooks/{id}`. Keeps the
 * order otherwise.
 */
export function inMatchingOrder<R extends DeclaredRoute>(routes: readonly R[]): R[] {
  const toKey = ({ path }: DeclaredRoute) =>
    path
      .split('/')
      .map((part) => (part.startsWith('{') ? '1' : '0'))
      .join('');
  return routes.toSorted((a, b) => (toKey(a) < toKey(b) ? -1 : toKey(a) > toKey(b) ? 1 : 0));
}
