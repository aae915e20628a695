import { z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { APPROVAL_KINDS, APPROVAL_STATUSES } from '../../core/approvals.ts';
import { LonghaulError } from '../../core/errors.ts';
import { maskSecrets, maskSecretsIn } from '../../core/mask-secrets.ts';
import type { Approval } from '../../run/approvals/approval.ts';
import { decideApproval as decide } from '../../run/approvals/decide-approval.ts';
import { findApprovalById, listApprovals as readApprovals } from '../../run/approvals/read-approvals.ts';
import { approvalSchema, decisionSchema, type ApprovalResource } from '../contract.ts';
import { id, text } from '../input-fields.ts';
import { deniedApproval } from '../openapi/examples.ts';
import { route } from '../route.ts';
import { toDecision } from '../to-decision.ts';
import { json, problems } from './answers.ts';
import { pageOf, pageQuery, toNextCursor } from './pages.ts';
import { idParams, jsonBody } from './requests.ts';

const params = idParams('an approval');

export const listApprovals = route(
  {
    method: 'get',
    path: '/v1/approvals',
    operationId: 'listApprovals',
    tag: 'Approvals',
    access: 'approvals',
    summary: 'List approvals, newest first',
    request: {
      query: z.strictObject({
        status: z.enum(APPROVAL_STATUSES, `must be one of ${APPROVAL_STATUSES.join(', ')}`).optional(),
        kind: z.enum(APPROVAL_KINDS, `must be one of ${APPROVAL_KINDS.join(', ')}`).optional(),
        runId: id("must be a run's id, a UUID").optional(),
        user: text().optional(),
        ...pageQuery,
      }),
    },
    responses: { 200: pageOf(approvalSchema, 'A page of approvals.'), ...problems(400, 401, 403) },
  },
  async (context, { config, database }) => {
    const { cursor, limit, ...filter } = context.req.valid('query');
    const viewer = toViewer(context.get('caller'));
    const { approvals, hasMore } = await readApprovals(database, { viewer, filter, before: cursor, limit });
    const data = approvals.map((approval) => toApprovalResource(approval, config.http.basePath));
    return context.json({ data, nextCursor: toNextCursor(approvals, hasMore) }, 200);
  },
);

export const getApproval = route(
  {
    method: 'get',
    path: '/v1/approvals/{id}',
    operationId: 'getApproval',
    tag: 'Approvals',
    access: 'approvals',
    summary: 'Read an approval',
    request: { params },
    responses: { 200: json(approvalSchema, 'The approval.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { config, database }) => {
    const { id: approvalId } = context.req.valid('param');
    const viewer = toViewer(context.get('caller'));
    const approval = await findApprovalById(database, { id: approvalId, viewer });
    if (approval === null) throw notFound(approvalId);
    return context.json(toApprovalResource(approval, config.http.basePath), 200);
  },
);

export const decideApproval = route(
  {
    method: 'post',
    path: '/v1/approvals/{id}',
    operationId: 'decideApproval',
    tag: 'Approvals',
    access: 'approvals',
    example: deniedApproval,
    summary: 'Allow or deny a tool use, or answer a question',
    description:
      'The first decision stands; a second one gets status 409 with the decided approval. The run continues at once.',
    request: { params, body: jsonBody(decisionSchema) },
    responses: {
      200: json(approvalSchema, 'The decided approval.'),
      ...problems(400, 401, 403, 404, 409, 413, 415),
    },
  },
  async (context, { config, database, queue }) => {
    const caller = context.get('caller');
    const { basePath } = config.http;
    const { id: approvalId } = context.req.valid('param');
    const viewer = toViewer(caller);
    const waiting = await findApprovalById(database, { id: approvalId, viewer });
    if (waiting === null) throw notFound(approvalId);
    const decided = await decide(
      { database, queue, rules: config },
      {
        id: approvalId,
        viewer,
        actor: keyActor(caller),
        decision: toDecision(context.req.valid('json'), waiting),
      },
    );
    if (decided === null) throw notFound(approvalId);
    if (decided.outcome === 'conflict') throw conflict(decided.approval, basePath);
    return context.json(toApprovalResource(decided.approval, basePath), 200);
  },
);

function notFound(approvalId: string): LonghaulError {
  return new LonghaulError('not_found', { message: `There is no approval ${approvalId}.` });
}

function conflict(approval: Approval, basePath: string): LonghaulError {
  const { id: approvalId, status, runId, reason } = approval;
  const message =
    status === 'pending'
      ? `Run ${runId} has ended or is being cancelled; it no longer waits for approval ${approvalId}.`
      : `Approval ${approvalId} is ${status} already${reason === null ? '' : `: ${reason}`}`;
  return new LonghaulError('conflict', { message, details: { approval: toApprovalResource(approval, basePath) } });
}

/** Converts an approval for the API. Masks what a person entered like the tool's input, because others see it too. */
function toApprovalResource(approval: Approval, basePath: string): ApprovalResource {
  const { requestedAt, expiresAt, decidedAt, takenUpAt, updatedInput, reason, ...rest } = approval;
  return {
    ...rest,
    updatedInput: updatedInput && (maskSecretsIn(updatedInput) as ApprovalResource['updatedInput']),
    reason: reason && maskSecrets(reason),
    requestedAt: requestedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    decidedAt: decidedAt?.toISOString() ?? null,
    takenUpAt: takenUpAt?.toISOString() ?? null,
    links: { self: `${basePath}/v1/approvals/${approval.id}`, run: `${basePath}/v1/runs/${approval.runId}` },
  };
}
