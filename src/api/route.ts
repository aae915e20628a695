import { createRoute, type RouteConfig, type RouteHandler } from '@hono/zod-openapi';
import type { FieldError } from '../core/errors.ts';
import type { Api, RouteDeps } from './api-deps.ts';
import type { ApiEnv } from './authenticate.ts';
import { MAX_BODY_BYTES, type DeclaredRoute, type Declaration } from './declaration.ts';
import { refuseInvalid } from './refuse-invalid.ts';

/** A route: its declaration, and the handler behind it. */
export interface Route extends DeclaredRoute {
  /** Adds the route to an API. Hono uses the first route that matches. */
  addTo(api: Api, deps: RouteDeps): void;
}

interface Options {
  /** Renames an invalid field for the response. Defaults to the name in the schema. */
  readonly renameField?: (error: FieldError) => FieldError;
}

/** The OpenAPI description of a route, with the schemas that validate its requests. */
type Description<Path extends string> = Omit<RouteConfig, 'path' | 'operationId' | 'tags'> & {
  readonly path: Path;
  readonly summary: string;
};

/**
 * Declares a route: everything that the access check, the OpenAPI document and the documentation need to know about it,
 * and the handler that responds. `handle` receives a valid request of a caller that may use the route.
 */
export function route<Path extends string, Described extends Description<Path>>(
  declaration: Described & Declaration,
  handle: (
    context: Parameters<RouteHandler<Described, ApiEnv>>[0],
    deps: RouteDeps,
  ) => ReturnType<RouteHandler<Described, ApiEnv>>,
  { renameField }: Options = {},
): Route {
  const { operationId, tag, access, isStream, isForKeysOnly, example, maxBodyBytes, ...described } = declaration;
  const config = createRoute({ operationId, tags: [tag], ...(described as unknown as Described) });
  const { method, path } = declaration;
  return {
    operationId,
    tag,
    access,
    isStream: isStream ?? false,
    isForKeysOnly: isForKeysOnly ?? false,
    example,
    maxBodyBytes: maxBodyBytes ?? MAX_BODY_BYTES,
    method: method.toUpperCase(),
    path,
    pattern: config.getRoutingPath(),
    hasBody: declaration.request?.body !== undefined,
    addTo(api, deps) {
      const handler: RouteHandler<Described, ApiEnv> = (context) => handle(context, deps);
      // The cast: the types of a route that is not known yet cannot be compared.
      api.openapi(config, handler as never, (result) => refuseInvalid(result, renameField) as never);
    },
  };
}
