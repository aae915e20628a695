import { z } from '@hono/zod-openapi';
import { readKeyName } from '../../access/keys.ts';
import { AUDIT_ACTIONS } from '../../audit/actions.ts';
import { keyActor } from '../../audit/actors.ts';
import { readAudit } from '../../audit/read.ts';
import { recordExport } from '../../audit/record-export.ts';
import { verifyAudit as verify } from '../../audit/verify.ts';
import { auditEntrySchema, auditVerificationSchema } from '../contract.ts';
import { text, time, wholeNumber } from '../input-fields.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';
import { limit } from './pages.ts';

export const listAudit = route(
  {
    method: 'get',
    path: '/v1/audit',
    operationId: 'listAudit',
    tag: 'Service',
    access: 'admin',
    summary: 'Read the audit record, newest first',
    description:
      'For operator keys. `order=chain` exports the chained entries only, oldest first, in the order of the chain; reading the first page of an export adds an entry to the record.',
    request: {
      query: z.strictObject({
        action: z.enum(AUDIT_ACTIONS, `must be one of ${AUDIT_ACTIONS.join(', ')}`).optional(),
        actor: text()
          .optional()
          .openapi({ description: 'Only entries of this actor, written in full, such as `worker:ID`.' }),
        subject: text().optional(),
        from: time().optional().openapi({ description: 'Only entries at or after this time.' }),
        to: time().optional().openapi({ description: 'Only entries before this time.' }),
        order: z.enum(['newest', 'chain'], 'must be newest or chain').default('newest'),
        cursor: wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER }).optional(),
        limit,
      }),
    },
    responses: {
      200: json(z.object({ data: z.array(auditEntrySchema), nextCursor: z.int().nullable() }), 'A page of entries.'),
      ...problems(400, 401, 403),
    },
  },
  async (context, { database }) => {
    const { cursor, limit, order, from, to, ...parts } = context.req.valid('query');
    if (order === 'chain' && (cursor ?? 0) === 0) {
      const { keyId } = context.get('caller');
      const actor = keyActor({ keyId, name: await readKeyName(database, keyId) });
      await recordExport(database, { actor, filter: { from, to, ...parts } });
    }
    const { entries, nextCursor } = await readAudit(database, {
      filter: {
        ...parts,
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      },
      order,
      after: cursor,
      limit,
    });
    return context.json({ data: entries, nextCursor }, 200);
  },
);

export const verifyAudit = route(
  {
    method: 'get',
    path: '/v1/audit/verify',
    operationId: 'verifyAudit',
    tag: 'Service',
    access: 'admin',
    summary: 'Verify the audit record',
    description:
      'For operator keys. Follows the chain and reports where it is broken. Reads every stored entry, about ten thousand a second or more.',
    responses: {
      200: json(auditVerificationSchema, 'The result of the check.'),
      ...problems(401, 403),
    },
  },
  async (context, { database }) => context.json(await verify(database), 200),
);
