import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { toProblem } from '../problem.ts';

/**
 * Every code that an operation can be answered with. The others of the table are how runs and commands end, or, as
 * `method_not_allowed`, about what is no operation.
 */
const API_ERROR_CODES = [
  'invalid_request',
  'invalid_json',
  'unauthorized',
  'token_expired',
  'user_budget',
  'team_budget',
  'global_budget',
  'forbidden',
  'not_found',
  'run_not_found',
  'agent_not_found',
  'session_not_found',
  'request_timeout',
  'conflict',
  'session_busy',
  'body_too_large',
  'unsupported_media_type',
  'idempotency_mismatch',
  'session_mismatch',
  'rate_limited',
  'headers_too_large',
  'unavailable',
] as const satisfies ErrorCode[];

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'Something in the request is wrong; `errors` names each field.',
  401: 'No API key or token, or not one that works.',
  402: 'A budget has no room for it; `budget` says which, and when it begins anew.',
  403: 'The API key or token may not do that.',
  404: 'There is no such thing, or none that the caller may see.',
  408: 'The request came too slowly.',
  409: 'It contradicts the present state.',
  413: 'The body is too large.',
  415: 'The body is not sent as application/json.',
  422: 'It is understood, but does not go with what was before: another request had the idempotency key, or another agent has the conversation.',
  429: 'Too many requests; `Retry-After` says when to come again.',
  431: 'Address and headers are too large.',
  503: 'It cannot be answered right now; `Retry-After` says when to come again.',
};

const HEADERS: Readonly<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  402: ['Retry-After'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
};

/** The name of the answer with this status among the document's `responses`. */
export const toAnswerName = (status: number): string => `Problem${status}`;

/** The problem documents that requests are answered with, one for each status, with the codes it can have. */
export function describeProblemAnswers(): Record<string, object> {
  const byStatus = Map.groupBy(API_ERROR_CODES, (code) => ERRORS[code].httpStatus);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [toAnswerName(status), describe(status, codes)]));
}

function describe(status: number, codes: readonly ErrorCode[]) {
  const fixed = { properties: { status: { type: 'integer', const: status }, code: { type: 'string', enum: codes } } };
  const names = HEADERS[status] ?? [];
  return {
    description: DESCRIPTIONS[status],
    ...(names.length > 0 && { headers: toHeaderRefs(names) }),
    content: {
      'application/problem+json': {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { type: 'object', ...fixed }] },
        examples: Object.fromEntries(codes.map((code) => [code, { value: toExample(code) }])),
      },
    },
  };
}

/** The document's headers of these names, by reference. */
export function toHeaderRefs(names: readonly string[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function toExample(code: ErrorCode) {
  const options = EXAMPLES[code] ?? {};
  return toProblem(code, options);
}

const budget = {
  scope: 'user',
  period: 'day',
  limitUsd: 2,
  spentUsd: 0.3,
  reservedUsd: 1.5,
  resetsAt: '2026-03-11T00:00:00.000Z',
};

const EXAMPLES: Partial<Record<ErrorCode, Parameters<typeof toProblem>[1]>> = {
  invalid_request: {
    detail: 'prompt must not be empty; received "".',
    errors: [{ path: 'prompt', message: 'must not be empty; received ""' }],
  },
  invalid_json: { detail: 'The body is not valid JSON.' },
  unauthorized: { detail: 'Send an API key, or a token of POST /v1/tokens, as "Authorization: Bearer KEY".' },
  forbidden: { detail: 'This API key lacks the scope runs:write; it has runs:read.' },
  user_budget: { detail: 'The budget of this user is $2.00 a day.', details: { budget } },
  team_budget: { details: { budget: { scope: 'team', period: 'month', resetsAt: '2026-04-01T00:00:00.000Z' } } },
  global_budget: { details: { budget: { scope: 'global', period: 'day', resetsAt: '2026-03-11T00:00:00.000Z' } } },
  run_not_found: {
    detail: 'There is no run 019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11.',
    errors: [{ path: 'id', message: 'names no run' }],
  },
  unsupported_media_type: {
    detail: 'The body must be sent as application/json; received "text/plain".',
    errors: [{ path: 'Content-Type', message: 'must be application/json' }],
  },
  rate_limited: { detail: 'This user may submit 5 runs a minute. Try again in 17 s.' },
};
