import { ROUTE_ACCESS, toRoute } from '../route-access.ts';
import { resolveRef, type ApiDocument, type FoundOperation, type Operation } from './document.ts';
import { ANSWER_EXAMPLES } from './examples.ts';
import { OPERATIONS } from './operations.ts';
import { describeParameters } from './parameters.ts';
import { toAnswerName, toHeaderRefs } from './problem-answers.ts';
import { toExample } from './to-example.ts';

const LOCATED = new Set(['submitRun', 'sendMessage', 'retryRun', 'createSchedule', 'triggerSchedule']);
const COUNTED = new Set(['submitRun', 'submitRuns', 'sendMessage']);
const STREAMS = new Set(['followRun', 'followRuns']);

/**
 * Completes the description of an operation with its name and group, the callers it allows, the problem documents that
 * every route may respond with, headers and examples.
 */
export function completeOperation(document: ApiDocument, found: FoundOperation): Operation {
  const { method, path, operation } = found;
  const { operationId, tag } = OPERATIONS.get(`${method} ${path}`) ?? {};
  const isOpen = !path.startsWith('/v1/') || ROUTE_ACCESS[toRoute(method, path)] === 'everyone';
  return {
    ...(operationId !== undefined && { operationId }),
    ...(tag !== undefined && { tags: [tag] }),
    ...operation,
    ...(operation.parameters !== undefined && { parameters: describeParameters(operation.parameters) }),
    ...(operation.requestBody !== undefined && { requestBody: withExamples(document, operation.requestBody) }),
    security: isOpen ? [] : toSecurity(found, operationId ?? ''),
    responses: {
      ...(operationId === 'followRuns' && { 101: WEB_SOCKET_ANSWER }),
      ...toAnswers(document, operation, operationId ?? ''),
      ...toProblems(found, { isOpen }),
    },
  };
}

/** Returns the security schemes of an operation, with their scopes. A request needs one of them. */
function toSecurity({ method, path }: FoundOperation, operationId: string) {
  const access = ROUTE_ACCESS[toRoute(method, path)] ?? 'admin';
  if (access === 'admin' || operationId === 'createToken') return [{ apiKey: access === 'admin' ? ['admin'] : [] }];
  const scopes = access === 'anyone' ? [] : access === 'application' || access === 'own' ? ['runs:read'] : [access];
  if (access === 'application') return [{ apiKey: scopes }];
  const schemes = ['apiKey', 'userToken', ...(STREAMS.has(operationId) ? ['streamToken'] : [])];
  return schemes.map((scheme) => ({ [scheme]: scopes }));
}

type Answers = NonNullable<Operation['responses']>;

/** Completes the responses that are not problem documents. */
function toAnswers(document: ApiDocument, { responses = {} }: Operation, operationId: string): Answers {
  const headers = [
    ...(LOCATED.has(operationId) ? ['Location'] : []),
    ...(COUNTED.has(operationId) ? ['RateLimit', 'RateLimit-Policy'] : []),
  ];
  return Object.fromEntries(
    Object.entries(responses)
      .filter(([, answer]) => !isProblem(answer))
      .map(([status, answer]) => [
        status,
        {
          ...withExamples(document, answer as object, ANSWER_EXAMPLES[operationId]),
          ...(status.startsWith('2') && headers.length > 0 && { headers: toHeaderRefs(headers) }),
        },
      ]),
  );
}

/** Returns the operation's own problem responses, and the responses that any request may get before its route. */
function toProblems({ method, operation }: FoundOperation, { isOpen }: { isOpen: boolean }): Answers {
  const { responses = {}, requestBody } = operation;
  const own = Object.entries(responses).filter(([, answer]) => isProblem(answer));
  const statuses = new Set([
    ...own.map(([status]) => Number(status)),
    ...(isOpen ? [408, 431] : [401, 408, 431, ...('503' in responses ? [] : [503])]),
    // The size of a body is checked even on routes that take none.
    ...(method === 'GET' ? [] : [413]),
    ...(requestBody === undefined ? [] : [415]),
  ]);
  return Object.fromEntries(
    [...statuses]
      .toSorted((a, b) => a - b)
      .map((status) => [String(status), { $ref: `#/components/responses/${toAnswerName(status)}` }]),
  );
}

function isProblem(answer: unknown): boolean {
  const { content = {} } = answer as { content?: object };
  return 'application/problem+json' in content;
}

/** Adds an example to each media type of a body. An entry of `examples` for the name of its schema takes precedence. */
function withExamples<T extends object>(
  document: ApiDocument,
  body: T,
  examples: Readonly<Record<string, unknown>> = {},
): T {
  const { content = {} } = body as { content?: Record<string, { schema?: object; example?: unknown }> };
  const completed = Object.entries(content).map(([type, media]) => {
    const { $ref } = (media.schema ?? {}) as { $ref?: string };
    const named = examples[$ref?.split('/').at(-1) ?? ''];
    if (named !== undefined) return [type, { ...media, example: named }];
    const schema = resolveRef(document, media.schema ?? {}) as { example?: unknown };
    const example =
      media.example ?? (type === 'text/event-stream' ? STREAM_EXAMPLE : toExample(media.schema ?? {}, document));
    return [type, schema.example === undefined ? { ...media, example } : { ...media, example: schema.example }];
  });
  return completed.length === 0 ? body : { ...body, content: Object.fromEntries(completed) };
}

/** Describes the WebSocket in words, because OpenAPI cannot describe one. */
const WEB_SOCKET_ANSWER = {
  description: `A WebSocket, if the request asks for one. A browser sends its token as the sub-protocol \`longhaul.token.TOKEN\`.

The client sends JSON messages: \`{"type":"subscribe","id":"a","runId":"…","after":7}\`, with \`"all":true\` in place of \`runId\` for every run, \`{"type":"unsubscribe","id":"a"}\` and \`{"type":"ping"}\`.

The server sends frames with a \`type\` and the \`id\` of the subscription: \`subscribed\` and \`event\`, each with the \`cursor\` to pass as \`after\`, \`end\`, \`error\` with a \`problem\`, and \`pong\`.

The server closes it with 1001 when the server stops, 1008 when the key or token is no longer valid, and 1013 when the client does not read. It drops a client that answers no ping.`,
};

const STREAM_EXAMPLE =
  'id: 7\nevent: agent.text.delta\ndata: {"runId":"019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11","seq":7,"type":"agent.text.delta","at":"2026-03-10T12:00:03.007Z","attempt":1,"data":{"text":"Two ","blockId":"0"}}\n\n';
