import type { Api } from '../api-deps.ts';
import { completeOperation } from './complete-operation.ts';
import { findOperations, type ApiDocument, type FoundOperation } from './document.ts';
import { EXAMPLES } from './examples.ts';
import { ANSWER_HEADERS } from './headers.ts';
import { OPERATIONS, TAGS } from './operations.ts';
import { describeProblemAnswers } from './problem-answers.ts';
import { describeWebhookPayloads, describeWebhooks } from './webhook-section.ts';

const DESCRIPTION = `The production runtime for Claude agents: submit a prompt, get an id, follow a supervised run.

JSON is in camelCase, times are ISO 8601 in UTC, money is USD with at most six decimals, ids are UUIDv7. Lists are
\`{ data, nextCursor }\`. Every refusal is a problem document (RFC 9457) with a stable \`code\`.

What is described here stays. New operations, optional fields of requests, fields of answers, types of events and codes
come without notice: a reader skips what it does not know.`;

const SECURITY_SCHEMES = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'lh_…',
    description:
      'An API key, for servers. The scopes that an operation needs are named with it; `admin` is all of them.',
  },
  userToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: "A token of `POST /v1/tokens`, for one user's browser. It sees the runs of that user alone.",
  },
  streamToken: {
    type: 'apiKey',
    in: 'query',
    name: 'token',
    description:
      'The same token in the address, on streams alone (`Accept: text/event-stream`, or a WebSocket): browsers send no header of ours there. Never an API key.',
  },
} as const;

/**
 * The OpenAPI 3.1 document of all routes that the API has, from the schemas that check requests. `basePath`: the path that
 * they are served under; empty by default.
 */
export function describeApi(api: Api, version: string, basePath = ''): ApiDocument {
  const made = api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Longhaul', version, description: DESCRIPTION },
    servers: [{ url: basePath || '/', description: 'Where this document was found.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
  });
  const schemas = made.components?.schemas ?? {};
  const document = {
    ...made,
    info: { ...made.info, license: { name: 'MIT', identifier: 'MIT' } },
    webhooks: describeWebhooks(),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      headers: ANSWER_HEADERS,
      responses: describeProblemAnswers(),
      schemas: toSorted({
        ...Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withExample(name, schema)])),
        ...describeWebhookPayloads(schemas['Run'] as Parameters<typeof describeWebhookPayloads>[0]),
      }),
    },
  } as ApiDocument;
  return { ...document, paths: describePaths(document) };
}

/** In the order that their names are listed in, which is the one to read them in. */
function describePaths(document: ApiDocument): NonNullable<ApiDocument['paths']> {
  const order = [...OPERATIONS.keys()];
  const placeOf = ({ method, path }: FoundOperation) => {
    const place = order.indexOf(`${method} ${path}`);
    return place < 0 ? order.length : place;
  };
  const paths: Record<string, Record<string, object>> = {};
  for (const found of findOperations(document).toSorted((a, b) => placeOf(a) - placeOf(b))) {
    paths[found.path] = { ...paths[found.path], [found.method.toLowerCase()]: completeOperation(document, found) };
  }
  return paths;
}

function withExample(name: string, schema: object): object {
  return Object.hasOwn(EXAMPLES, name) ? { ...schema, example: EXAMPLES[name] } : schema;
}

function toSorted(schemas: Readonly<Record<string, object>>): Record<string, object> {
  return Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
