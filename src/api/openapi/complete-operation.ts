import type { DeclaredRoute } from '../declaration.ts';
import { resolveRef, type ApiDocument, type Operation } from './document.ts';
import { describeParameters } from './parameters.ts';
import { toAnswerName } from './problem-answers.ts';
import { toExample } from './to-example.ts';

/**
 * Completes the description of an operation with the callers it allows, the problem documents that every route may
 * respond with, and examples.
 */
export function completeOperation(document: ApiDocument, route: DeclaredRoute, operation: Operation): Operation {
  return {
    ...operation,
    ...(operation.parameters !== undefined && { parameters: describeParameters(operation.parameters) }),
    ...(operation.requestBody !== undefined && { requestBody: withExamples(document, operation.requestBody) }),
    security: toSecurity(route),
    responses: { ...toAnswers(document, operation, route.example), ...toProblems(route, operation) },
  };
}

/** Returns the security schemes of an operation, with their scopes. A request needs one of them. */
function toSecurity({ access, isForKeysOnly, isStream }: DeclaredRoute) {
  if (access === 'everyone') return [];
  const scopes = access === 'anyone' ? [] : access === 'application' || access === 'own' ? ['runs:read'] : [access];
  if (access === 'admin' || access === 'application' || isForKeysOnly) return [{ apiKey: scopes }];
  const schemes = ['apiKey', 'userToken', ...(isStream ? ['streamToken'] : [])];
  return schemes.map((scheme) => ({ [scheme]: scopes }));
}

type Answers = NonNullable<Operation['responses']>;

/** Completes the responses that are not problem documents. Their headers come last, as in the problem documents. */
function toAnswers(document: ApiDocument, { responses = {} }: Operation, example: unknown): Answers {
  return Object.fromEntries(
    Object.entries(responses)
      .filter(([, answer]) => !isProblem(answer))
      .map(([status, answer]) => {
        const { headers, ...rest } = withExamples(document, answer as { headers?: object }, example);
        return [status, { ...rest, ...(headers !== undefined && { headers }) }];
      }),
  );
}

/** Returns the operation's own problem responses, and the responses that any request may get before its route. */
function toProblems({ method, access }: DeclaredRoute, { responses = {}, requestBody }: Operation): Answers {
  const own = Object.entries(responses).filter(([, answer]) => isProblem(answer));
  const statuses = new Set([
    ...own.map(([status]) => Number(status)),
    ...(access === 'everyone' ? [408, 431] : [401, 408, 431, ...('503' in responses ? [] : [503])]),
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

/** Adds an example to each media type of a body: the given one, else that of its schema, else a made one. */
function withExamples<T extends object>(document: ApiDocument, body: T, given?: unknown): T {
  const { content = {} } = body as { content?: Record<string, { schema?: object; example?: unknown }> };
  const completed = Object.entries(content).map(([type, media]) => {
    const schema = media.schema ?? {};
    const { example } = resolveRef(document, schema) as { example?: unknown };
    const made = type === 'text/event-stream' ? STREAM_EXAMPLE : toExample(schema, document);
    return [type, { ...media, example: given ?? example ?? media.example ?? made }];
  });
  return completed.length === 0 ? body : { ...body, content: Object.fromEntries(completed) };
}

const STREAM_EXAMPLE =
  'id: 7\nevent: agent.text.delta\ndata: {"runId":"019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11","seq":7,"type":"agent.text.delta","at":"2026-03-10T12:00:03.007Z","attempt":1,"data":{"text":"Two ","blockId":"0"}}\n\n';
