import type { z } from '@hono/zod-openapi';
import { problemSchema } from '../contract.ts';
import { toHeaderRefs, type AnswerHeader } from '../openapi/headers.ts';
import { PROBLEM_DESCRIPTIONS, type ProblemStatus } from '../openapi/problem-answers.ts';

/** Describes a JSON response of a route, with its headers. */
export function json<T extends z.ZodType>(schema: T, description: string, headers: readonly AnswerHeader[] = []) {
  return {
    description,
    ...(headers.length > 0 && { headers: toHeaderRefs(headers) }),
    content: { 'application/json': { schema } },
  };
}

/** Describes the problem documents that a route may respond with. */
export function problems<S extends ProblemStatus>(...statuses: S[]) {
  const describe = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: problemSchema } },
  });
  return Object.fromEntries(statuses.map((status) => [status, describe(PROBLEM_DESCRIPTIONS[status])])) as Record<
    S,
    ReturnType<typeof describe>
  >;
}
