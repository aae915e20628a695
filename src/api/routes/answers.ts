import type { z } from '@hono/zod-openapi';
import { problemSchema } from '../contract.ts';

/** A JSON answer, for a route's description. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

const PROBLEMS = {
  400: 'Something in the request is wrong; `errors` names each field.',
  401: 'No API key, or not one that works.',
  402: 'A budget has no room for it; `budget` says which, and when it begins anew.',
  403: 'The API key may not do that.',
  404: 'There is no such thing.',
  409: 'It contradicts the present state.',
  413: 'The body is too large.',
  415: 'The body is not sent as application/json.',
  422: 'The idempotency key was used for another request.',
  429: 'Too many requests; `Retry-After` says when to come again.',
} as const;

type ProblemStatus = keyof typeof PROBLEMS;

/** The problem documents a route may answer with. */
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
