import { keyActor } from '../../audit/actors.ts';
import { readKeySecret, rotateSecret, type WebhookSecret } from '../../webhook/secrets.ts';
import { webhookSecretSchema, type WebhookSecretResource } from '../contract.ts';
import { route } from '../route.ts';
import { toKeyFilter } from '../webhook-access.ts';
import { json, problems } from './answers.ts';
import { requireWebhook, webhookParams } from './webhook-resource.ts';

export const getWebhookSecret = route(
  {
    method: 'get',
    path: '/v1/webhooks/secret',
    operationId: 'getWebhookSecret',
    tag: 'Webhooks',
    access: 'runs:read',
    summary: "Read the secret for a submission's own webhookUrl",
    description:
      'The secret signs deliveries to the `webhookUrl` of a submission. Each API key has one, which is created when it is first needed and which only that key can read.',
    responses: { 200: json(webhookSecretSchema, 'The secret.'), ...problems(401, 403) },
  },
  async (context, { database }) => {
    const caller = context.get('caller');
    toKeyFilter(caller);
    return context.json(toSecretResource(await readKeySecret(database, caller.keyId)), 200);
  },
);

export const rotateWebhookSecret = route(
  {
    method: 'post',
    path: '/v1/webhooks/secret/rotate',
    operationId: 'rotateWebhookSecret',
    tag: 'Webhooks',
    access: 'runs:write',
    summary: "Rotate the secret for submissions' own webhookUrl",
    description:
      'For a day the previous secret also signs: each delivery then carries both signatures. Each further rotation within that day adds a signature, five at most; then rotation is rejected with `conflict` until the oldest secret ends.',
    responses: { 200: json(webhookSecretSchema, 'The new secret.'), ...problems(401, 403, 409) },
  },
  async (context, { database }) => {
    const caller = context.get('caller');
    toKeyFilter(caller);
    const secret = await rotateSecret(database, { ownerId: caller.keyId, actor: keyActor(caller) });
    return context.json(toSecretResource(secret), 200);
  },
);

export const rotateWebhook = route(
  {
    method: 'post',
    path: '/v1/webhooks/{id}/rotate',
    operationId: 'rotateWebhook',
    tag: 'Webhooks',
    access: 'runs:write',
    summary: "Rotate a webhook's secret",
    description:
      'The new secret is shown only in this response. For a day the previous secret also signs. When five secrets sign, rotation is rejected with `conflict` until the oldest one ends.',
    request: { params: webhookParams },
    responses: { 200: json(webhookSecretSchema, 'The new secret.'), ...problems(400, 401, 403, 404, 409) },
  },
  async (context, { database }) => {
    const caller = context.get('caller');
    const { id } = await requireWebhook(database, { id: context.req.valid('param').id, caller });
    const secret = await rotateSecret(database, { ownerId: id, actor: keyActor(caller) });
    return context.json(toSecretResource(secret), 200);
  },
);

function toSecretResource({ secret, createdAt, previousUntil }: WebhookSecret): WebhookSecretResource {
  return { secret, createdAt: createdAt.toISOString(), previousUntil: previousUntil?.toISOString() ?? null };
}
