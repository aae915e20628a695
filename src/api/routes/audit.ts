import { createRoute, z } from '@hono/zod-openapi';
import type { Caller } from '../../access/caller.ts';
import { AUDIT_ACTIONS } from '../../audit/actions.ts';
import { keyActor } from '../../audit/actors.ts';
import { readAudit } from '../../audit/read.ts';
import { recordAudit } from '../../audit/record.ts';
import { verifyAudit } from '../../audit/verify.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { auditEntrySchema, auditVerificationSchema } from '../contract.ts';
import { text, time, wholeNumber } from '../input-fields.ts';
import { json, problems } from './answers.ts';

/** Adds the routes that read and verify the audit record, for operators. */
export function addAuditRoutes(api: Api, { database }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/audit',
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
          limit: wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 }),
        }),
      },
      responses: {
        200: json(z.object({ data: z.array(auditEntrySchema), nextCursor: z.int().nullable() }), 'A page of entries.'),
        ...problems(400, 401, 403),
      },
    }),
    async (context) => {
      const caller = context.get('caller');
      const { cursor, limit, order, from, to, ...parts } = context.req.valid('query');
      if (order === 'chain' && (cursor ?? 0) === 0) await recordExport(caller, { from, to, ...parts });
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

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/audit/verify',
      summary: 'Verify the audit record',
      description:
        'For operator keys. Follows the chain and reports where it is broken. Reads every stored entry, about ten thousand a second or more.',
      responses: {
        200: json(auditVerificationSchema, 'The result of the check.'),
        ...problems(401, 403),
      },
    }),
    async (context) => {
      return context.json(await verifyAudit(database), 200);
    },
  );

  async function recordExport({ keyId }: Caller, filter: Readonly<Record<string, unknown>>): Promise<void> {
    await database.sql.transaction().execute(async (trx) => {
      const key = await trx.selectFrom('longhaul.api_keys').select('name').where('id', '=', keyId).executeTakeFirst();
      const actor = keyActor({ keyId, name: key?.name });
      await recordAudit(trx, { actor, action: 'audit.exported', subject: 'audit', data: filter });
    });
  }
}
