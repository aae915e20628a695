import type { Tag } from './openapi/tags.ts';
import type { RouteAccess } from './route-access.ts';

/** The facts about a route that its OpenAPI description does not contain, or contains in another form. */
export interface Declaration {
  /** The name in generated clients. Part of the contract, so it never changes. */
  readonly operationId: string;
  readonly tag: Tag;
  /** The callers that may use the route. */
  readonly access: RouteAccess;
  /** True when the route can respond with a stream, to which a browser may send its token in the URL. Defaults to false. */
  readonly isStream?: boolean;
  /** True when the document says that the route accepts no tokens. Defaults to false. */
  readonly isForKeysOnly?: boolean;
  /** Example of the resource in the response. Defaults to the example of its schema. */
  readonly example?: unknown;
  /** Maximum size of the request body. Defaults to `MAX_BODY_BYTES`. */
  readonly maxBodyBytes?: number;
}

/** A route of the API as it was declared. */
export interface DeclaredRoute extends Required<Declaration> {
  /** In upper case. */
  readonly method: string;
  /** Written as in OpenAPI: `/v1/runs/{id}`. */
  readonly path: string;
  /** Written as Hono matches it: `/v1/runs/:id`. */
  readonly pattern: string;
  /** True when the route reads a request body. */
  readonly hasBody: boolean;
}

/** Default maximum size of a request body: far above any allowed prompt, and harmless to memory. */
export const MAX_BODY_BYTES = 1_048_576;
