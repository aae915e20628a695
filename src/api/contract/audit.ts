import { z } from '@hono/zod-openapi';
import { AUDIT_ACTIONS } from '../../audit/actions.ts';
import { instant } from './output-fields.ts';

export const auditEntrySchema = z
  .object({
    id: z.int().describe('Ids follow the order of writing.'),
    seq: z.int().nullable().describe("The entry's place in the chain; null for the moment until the entry is chained."),
    at: instant().describe('ISO 8601, UTC, to the microsecond.'),
    actor: z.string().describe('`key:ID (NAME)`, `worker:ID` or `system`.'),
    action: z.enum(AUDIT_ACTIONS),
    subject: z.string().describe("The object of the action, such as a run's id."),
    data: z.unknown().describe('Details of the action. Everything that looks like a key is masked.'),
    prevHash: z.string().nullable(),
    hash: z
      .string()
      .nullable()
      .describe(
        'SHA-256, in hex, of the JSON `[prevHash, seq, at, actor, action, subject, data]`, with `data` as a string of JSON.',
      ),
  })
  .openapi('AuditEntry');

export const auditVerificationSchema = z
  .object({
    isIntact: z.boolean(),
    entries: z.int().describe('Chained entries that were checked.'),
    firstSeq: z.int().nullable(),
    lastSeq: z.int().nullable(),
    lastHash: z.string().nullable().describe('Store it elsewhere: later it proves that no entry up to it was changed.'),
    sealedUntil: z.string().nullable().describe('The last sealed day, UTC, such as `2026-01-31`.'),
    unchained: z.int().describe('Entries that are not chained yet.'),
    problems: z.array(z.object({ seq: z.int(), what: z.string() })).describe('The first 1,000 problems.'),
    problemCount: z.int(),
  })
  .openapi('AuditVerification');

export type AuditEntryResource = z.infer<typeof auditEntrySchema>;
export type AuditVerificationResource = z.infer<typeof auditVerificationSchema>;
