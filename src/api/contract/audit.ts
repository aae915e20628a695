import { z } from '@hono/zod-openapi';
import { AUDIT_ACTIONS } from '../../audit/actions.ts';
import { instant } from './output-fields.ts';

export const auditEntrySchema = z
  .object({
    id: z.int().describe('In the order of writing.'),
    seq: z.int().nullable().describe('Its place in the chain; null for the moment until it is chained.'),
    at: instant().describe('ISO 8601, UTC, to the microsecond.'),
    actor: z.string().describe('`key:ID (NAME)`, `worker:ID` or `system`.'),
    action: z.enum(AUDIT_ACTIONS),
    subject: z.string().describe("What it was done to, such as a run's id."),
    data: z.unknown().describe('What is to be known of it; anything that looks like a key is masked.'),
    prevHash: z.string().nullable(),
    hash: z
      .string()
      .nullable()
      .describe(
        'SHA-256, in hex, of the JSON `[prevHash, seq, at, actor, action, subject, data]`, `data` as a text of JSON.',
      ),
  })
  .openapi('AuditEntry');

export const auditVerificationSchema = z
  .object({
    isIntact: z.boolean(),
    entries: z.int().describe('Chained entries that were looked at.'),
    firstSeq: z.int().nullable(),
    lastSeq: z.int().nullable(),
    lastHash: z.string().nullable().describe('Noted down elsewhere, it proves all before it later on.'),
    sealedUntil: z.string().nullable().describe('The last sealed day, UTC, such as `2026-01-31`.'),
    unchained: z.int().describe('Entries that wait to be chained.'),
    problems: z.array(z.object({ seq: z.int(), what: z.string() })).describe('The first 1,000 of them.'),
    problemCount: z.int(),
  })
  .openapi('AuditVerification');

export type AuditEntryResource = z.infer<typeof auditEntrySchema>;
export type AuditVerificationResource = z.infer<typeof auditVerificationSchema>;
