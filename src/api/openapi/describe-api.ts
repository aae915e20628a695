import type { Api } from '../api-deps.ts';
import { ROUTES } from '../routes.ts';
import { completeOperation } from './complete-operation.ts';
import { findOperations, type ApiDocument } from './document.ts';
import { EXAMPLES } from './examples.ts';
import { ANSWER_HEADERS } from './headers.ts';
import { describeProblemAnswers } from './problem-answers.ts';
import { TAGS } from './tags.ts';
import { describeWebhookPayloads, describeWebhooks } from './webhook-section.ts';

const DESCRIPTION = `The production runtime for Claude agents: submit a prompt, get an id, follow a supervised run.

JSON is in camelCase, times are ISO 8601 in UTC, money is USD with at most six decimals, ids are UUIDv7. Lists are
\`{ data, nextCursor }\`. Every error is a problem document (RFC 9457) with a stable \`code\`.

Everything described here is stable. New operations, optional request fields, response fields, event types and codes
may be added without notice: a client must ignore what it does not know.`;

const SECURITY_SCHEMES = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'lh_…',
    description: 'An API key, for servers. Each operation names the scopes it needs; `admin` includes all scopes.',
  },
  userToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: "A token of `POST /v1/tokens`, for one user's browser. It gives access to the runs of that user only.",
  },
  streamToken: {
    type: 'apiKey',
    in: 'query',
    name: 'token',
    description:
      'The same token in the URL, for streams only (`Accept: text/event-stream`, or a WebSocket), where browsers cannot set the `Authorization` header. Never an API key.',
  },
} as const;

/**
 * Creates the OpenAPI 3.1 document of all routes of the API, from the schemas that validate requests. `basePath` is the
 * path that the routes are served under; empty by default.
 */
export function describeApi(api: Api, version: string, basePath = ''): ApiDocument {
  const made = api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Longhaul', version, description: DESCRIPTION },
    servers: [{ url: basePath || '/', description: 'The server of this document.' }],
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

/** Completes the paths, in the order of `ROUTES`, which is made for reading. */
function describePaths(document: ApiDocument): NonNullable<ApiDocument['paths']> {
  const operations = new Map(
    findOperations(document).map(({ method, path, operation }) => [`${method} ${path}`, operation]),
  );
  const paths: Record<string, Record<string, object>> = {};
  for (const route of ROUTES) {
    const operation = operations.get(`${route.method} ${route.path}`);
    if (operation === undefined) continue;
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: completeOperation(document, route, operation),
    };
  }
  return paths;
}

function withExample(name: string, schema: object): object {
  return Object.hasOwn(EXAMPLES, name) ? { ...schema, example: EXAMPLES[name] } : schema;
}

function toSorted(schemas: Readonly<Record<string, object>>): Record<string, object> {
  return Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
