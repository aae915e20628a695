import type { Api } from '../api-deps.ts';

/** An OpenAPI 3.1 document. */
export type ApiDocument = ReturnType<Api['getOpenAPI31Document']>;

type PathItem = NonNullable<ApiDocument['paths']>[string];

export type Operation = NonNullable<PathItem['get']>;

/** A schema in the document: JSON Schema 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** An operation with its method and path. */
export interface FoundOperation {
  /** In upper case. */
  readonly method: string;
  /** Written as in the document, such as `/v1/runs/{id}`. */
  readonly path: string;
  readonly operation: Operation;
}

/** Lists every operation of a document, in its order. */
export function findOperations(document: Pick<ApiDocument, 'paths'>): FoundOperation[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) =>
      isMethod(method) ? [{ method: method.toUpperCase(), path, operation: operation as Operation }] : [],
    ),
  );
}

function isMethod(name: string): boolean {
  return (METHODS as readonly string[]).includes(name);
}

/** Resolves a `$ref` within the document. Returns any other value unchanged. */
export function resolveRef<T extends object>(document: object, value: T): T {
  if (!('$ref' in value) || typeof value.$ref !== 'string') return value;
  const found = value.$ref
    .slice(2)
    .split('/')
    .reduce<unknown>(
      (at, part) => (at as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')],
      document,
    );
  return found as T;
}
