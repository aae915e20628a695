import { listKeys as readKeys, revokeKey as revoke, type ApiKey } from '../../access/keys.ts';
import { z } from '@hono/zod-openapi';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError } from '../../core/errors.ts';
import { createdKeySchema, keySchema, newKeySchema, type KeyResource } from '../contract.ts';
import { makeKey } from '../make-key.ts';
import { revokedKey } from '../openapi/examples.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';
import { pageOf, pageQuery, toNextCursor } from './pages.ts';
import { idParams, jsonBody } from './requests.ts';

export const createKey = route(
  {
    method: 'post',
    path: '/v1/keys',
    operationId: 'createKey',
    tag: 'Access',
    access: 'admin',
    summary: 'Create an API key',
    description: 'For operators. The key is shown only in this response. If it is lost, create another.',
    request: { body: jsonBody(newKeySchema) },
    responses: { 201: json(createdKeySchema, 'The key.'), ...problems(400, 401, 403, 413, 415) },
  },
  async (context, { database }) => {
    const actor = keyActor(context.get('caller'));
    const { key, stored } = await makeKey(database, { wanted: context.req.valid('json'), actor });
    return context.json({ ...toKeyResource(stored), key }, 201);
  },
);

export const listKeys = route(
  {
    method: 'get',
    path: '/v1/keys',
    operationId: 'listKeys',
    tag: 'Access',
    access: 'admin',
    summary: 'List API keys, newest first',
    description: 'For operators. Revoked keys are included. The keys themselves are not stored.',
    request: { query: z.strictObject(pageQuery) },
    responses: { 200: pageOf(keySchema, 'A page of keys.'), ...problems(400, 401, 403) },
  },
  async (context, { database }) => {
    const { cursor, limit } = context.req.valid('query');
    const { keys, hasMore } = await readKeys(database, { before: cursor, limit });
    return context.json({ data: keys.map(toKeyResource), nextCursor: toNextCursor(keys, hasMore) }, 200);
  },
);

export const revokeKey = route(
  {
    method: 'delete',
    path: '/v1/keys/{id}',
    operationId: 'revokeKey',
    tag: 'Access',
    access: 'admin',
    example: revokedKey,
    summary: 'Revoke an API key',
    description:
      'For operators. Also ends its tokens and open streams, at once and on every server. Idempotent. The last admin key cannot be revoked.',
    request: { params: idParams('a key') },
    responses: {
      200: json(keySchema, 'The revoked key.'),
      ...problems(400, 401, 403, 404, 409),
    },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const key = await revoke(database, { id, actor: keyActor(context.get('caller')) });
    if (key === null) throw new LonghaulError('not_found', { message: `There is no API key ${id}.` });
    return context.json(toKeyResource(key), 200);
  },
);

function toKeyResource({ createdAt, lastUsedAt, revokedAt, scopes, ...key }: ApiKey): KeyResource {
  return {
    ...key,
    scopes: [...scopes],
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  };
}
