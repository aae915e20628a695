import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { toProblem } from '../problem.ts';
import { toHeaderRefs, type AnswerHeader } from './headers.ts';

/**
 * Every code that an operation can respond with. The other codes of the table are for the end of runs and commands, or,
 * like `method_not_allowed`, for requests that match no operation.
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

/** Descriptions of the problem documents, by status. */
export const PROBLEM_DESCRIPTIONS = {
  400: 'The request is invalid; `errors` names each invalid field.',
  401: 'The API key or token is missing or invalid.',
  402: 'A budget has no room for the request; `budget` says which one, and when it resets.',
  403: 'The API key or token does not allow this request.',
  404: 'The resource does not exist, or the caller may not see it.',
  408: 'The request was sent too slowly.',
  409: 'The request conflicts with the current state of the resource.',
  413: 'The request body is too large.',
  415: 'The request body is not sent as application/json.',
  422: 'The request is valid, but contradicts an earlier one: the idempotency key was used for a different request, or the session belongs to another agent.',
  429: 'Too many requests; `Retry-After` says when to try again.',
  431: 'The URL and headers are too large.',
  503: 'The request cannot be answered now; `Retry-After` says when to try again.',
} as const;

export type ProblemStatus = keyof typeof PROBLEM_DESCRIPTIONS;

const HEADERS: Readonly<Record<number, readonly AnswerHeader[]>> = {
  401: ['WWW-Authenticate'],
  402: ['Retry-After'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
};

/** Returns the name of the response with this status among the document's `responses`. */
export const toAnswerName = (status: number): string => `Problem${status}`;

/** Describes the problem documents, one for each status, with its possible codes. */
export function describeProblemAnswers(): Record<string, object> {
  const byStatus = Map.groupBy(API_ERROR_CODES, (code) => ERRORS[code].httpStatus);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [toAnswerName(status), describe(status, codes)]));
}

function describe(status: number, codes: readonly ErrorCode[]) {
  const fixed = { properties: { status: { type: 'integer', const: status }, code: { type: 'string', enum: codes } } };
  const names = HEADERS[status] ?? [];
  return {
    description: PROBLEM_DESCRIPTIONS[status as ProblemStatus],
    ...(names.length > 0 && { headers: toHeaderRefs(names) }),
    content: {
      'application/problem+json': {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { type: 'object', ...fixed }] },
        examples: Object.fromEntries(codes.map((code) => [code, { value: toExample(code) }])),
      },
    },
  };
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
