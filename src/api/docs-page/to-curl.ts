import { resolveRef, type ApiDocument, type FoundOperation } from '../openapi/document.ts';

/** Environment variables of the curl commands, the same as those of the CLI. */
export const VARIABLES = {
  url: 'LONGHAUL_URL',
  key: 'LONGHAUL_API_KEY',
} as const;

/**
 * Converts an operation to a curl command, with the example of its body, and ids from variables such as `$RUN_ID`. A
 * stream is printed as it arrives.
 */
export function toCurl(document: ApiDocument, { method, path, operation }: FoundOperation): string {
  const { requestBody, responses = {}, security = [] } = operation;
  const body = resolveRef(document, requestBody ?? {}) as Body;
  const { example } = body.content?.['application/json'] ?? {};
  const answer = resolveRef(document, responses['200'] ?? {}) as Body;
  const isStream = answer.content?.['text/event-stream'] !== undefined;
  const flags = [isStream ? '-N ' : '', method === 'GET' ? '' : `-X ${method} `];
  const parts = [
    `curl ${flags.join('')}"$${VARIABLES.url}${path.replaceAll(/(\w+)\/\{(\w+)\}/g, toVariable)}"`,
    ...(security.length === 0 ? [] : [`-H "Authorization: Bearer $${VARIABLES.key}"`]),
    ...(isStream ? ["-H 'Accept: text/event-stream'"] : []),
    ...(example === undefined
      ? []
      : ["-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(example, null, 2))}`]),
  ];
  return parts.join(' \\\n  ');
}

interface Body {
  readonly content?: Readonly<Record<string, { readonly example?: unknown }>>;
}

/** Converts `runs/{id}` to `runs/$RUN_ID`. */
function toVariable(_: string, collection: string, name: string): string {
  const one = collection.replace(/ies$/, 'y').replace(/s$/, '');
  return `${collection}/$${one.toUpperCase()}_${name.toUpperCase()}`;
}

/** Quotes any text as one word of a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
