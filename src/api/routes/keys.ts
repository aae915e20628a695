import { createRoute, z } from '@hono/zod-openapi';
import { listKeys, revokeKey, type ApiKey } from '../../access/keys.ts';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { createdKeySchema, keySchema, newKeySchema, type KeyResource } from '../contract.ts';
import { id, wholeNumber } from '../input-fields.ts';
import { makeKey } from '../make-key.ts';
import { json, problems } from './answers.ts';

/** Adds the routes that create, list and revoke API keys, for operators. */
export function addKeyRoutes(api: Api, { database }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/keys',
      summary: 'Create an API key',
      description: 'For operators. The key is shown only in this response. If it is lost, create another.',
      request: { body: { required: true, content: { 'application/json': { schema: newKeySchema } } } },
      responses: { 201: json(createdKeySchema, 'The key.'), ...problems(400, 401, 403, 413, 415) },
    }),
    async (context) => {
      const actor = keyActor(context.get('caller'));
      const { key, stored } = await makeKey(database, { wanted: context.req.valid('json'), actor });
      return context.json({ ...toKeyResource(stored), key }, 201);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/keys',
      summary: 'List API keys, newest first',
      description: 'For operators. Revoked keys are included. The keys themselves are not stored.',
      request: {
        query: z.strictObject({
          cursor: id('must be the nextCursor of an earlier page').optional(),
          limit: wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 }),
        }),
      },
      responses: {
        200: json(z.object({ data: z.array(keySchema), nextCursor: z.uuid().nullable() }), 'A page of keys.'),
        ...problems(400, 401, 403),
      },
    }),
    async (context) => {
      const { cursor, limit } = context.req.valid('query');
      const { keys, hasMore } = await listKeys(database, { before: cursor, limit });
      return context.json({ data: keys.map(toKeyResource), nextCursor: hasMore ? keys.at(-1)!.id : null }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/keys/{id}',
      summary: 'Revoke an API key',
      description:
        'For operators. Also ends its tokens and open streams, at once and on every server. Idempotent. The last admin key cannot be revoked.',
      request: {
        params: z.object({
          id: id("must be a key's id, a UUID").openapi({ format: 'uuid', description: "The key's id." }),
        }),
      },
      responses: { 200: json(keySchema, 'The revoked key.'), ...problems(400, 401, 403, 404, 409) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const key = await revokeKey(database, { id, actor: keyActor(context.get('caller')) });
      if (key === null) throw new LonghaulError('not_found', { message: `There is no API key ${id}.` });
      return context.json(toKeyResource(key), 200);
    },
  );
}

function toKeyResource({ createdAt, lastUsedAt, revokedAt, scopes, ...key }: ApiKey): KeyResource {
  return {
    ...key,
    scopes: [...scopes],
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  };
}
