import { z } from '@hono/zod-openapi';
import { id } from '../input-fields.ts';

/** Describes the JSON body of a request. */
export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } };
}

/** Describes the path parameter `id` of a route about one resource, such as `a run`. */
export function idParams(resource: string) {
  const name = resource.slice(resource.indexOf(' ') + 1);
  return z.object({
    id: id(`must be ${resource}'s id, a UUID`).openapi({ format: 'uuid', description: `The ${name}'s id.` }),
  });
}

/** Headers of a request that is idempotent with a key. */
export const idempotencyHeaders = z.object({ 'idempotency-key': z.string().optional() });
