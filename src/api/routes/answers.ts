import type { z } from '@hono/zod-openapi';
import { problemSchema } from '../contract.ts';

/** Describes a JSON response of a route. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

const PROBLEMS = {
  400: 'The request is invalid; `errors` names each invalid field.',
  401: 'The API key or token is missing or invalid.',
  402: 'A budget has no room for the request; `budget` says which one, and when it resets.',
  403: 'The API key or token does not allow this request.',
  404: 'The resource does not exist.',
  409: 'The request conflicts with the current state of the resource.',
  413: 'The request body is too large.',
  415: 'The request body is not sent as application/json.',
  422: 'The idempotency key was used for a different request.',
  429: 'Too many requests; `Retry-After` says when to try again.',
} as const;

type ProblemStatus = keyof typeof PROBLEMS;

/** Describes the problem documents that a route may respond with. */
export function problems<S extends ProblemStatus>(...statuses: S[]) {
  const describe = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: problemSchema } },
  });
  return Object.fromEntries(statuses.map((status) => [status, describe(PROBLEMS[status])])) as Record<
    S,
    ReturnType<typeof describe>
  >;
}
