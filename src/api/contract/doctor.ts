import { z } from '@hono/zod-openapi';
import { instant } from './output-fields.ts';

export const checkSchema = z
  .object({
    id: z.string().describe('Stable: programs may depend on it.'),
    theme: z.string(),
    title: z.string().describe('The property that the check is about, as a claim.'),
    verdict: z.enum(['ok', 'warning', 'failed', 'skipped']).describe('`skipped`: could not be judged here.'),
    found: z.string().describe('The values that were read; for `skipped`, the reason.'),
    mend: z.string().nullable().describe('The next step; null when there is nothing to do.'),
    docs: z.string().describe('The page of the documentation, with its section.'),
  })
  .openapi('DoctorCheck');

export const doctorSchema = z
  .object({
    verdict: z.enum(['ok', 'warning', 'failed']).describe('The worst of all verdicts except `skipped`.'),
    examinedAt: instant(),
    checks: z.array(checkSchema),
  })
  .openapi('Doctor');

export type DoctorCheckResource = z.infer<typeof checkSchema>;
export type DoctorResource = z.infer<typeof doctorSchema>;
