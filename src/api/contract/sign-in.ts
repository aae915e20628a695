import { z } from '@hono/zod-openapi';
import { SCOPES } from '../../access/scopes.ts';
import { text } from '../input-fields.ts';
import { instant } from './output-fields.ts';

const credential = () => text().min(1, 'must not be empty').max(200, 'must have at most 200 characters');

export const signInRequestSchema = z
  .strictObject(
    {
      key: credential().optional().describe('An API key.'),
      code: credential().optional().describe('A code of `POST /v1/sign-in/code`, which is used up by it.'),
    },
    'must be an object',
  )
  .refine(({ key, code }) => (key === undefined) !== (code === undefined), {
    path: ['key'],
    message: 'must be given, or else code; not both',
  })
  .openapi('SignInRequest', { example: { key: 'lh_…' } });

export const signedInSchema = z
  .object({
    keyId: z.uuid().describe('The API key that the caller comes with, or stands for.'),
    name: z.string().describe("The key's name."),
    scopes: z.array(z.enum(SCOPES)),
    user: z.string().nullable().describe('The one end user it is bound to; null: any.'),
    team: z.string().nullable().describe('The one team it is bound to; null: any.'),
    expiresAt: instant().nullable().describe('When it ends by itself: a sign-in or a token does; null: never.'),
    version: z.string().describe("The server's version."),
    timeZone: z.string().describe('Where days and months of costs begin.'),
  })
  .openapi('SignedIn', {
    example: {
      keyId: '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f',
      name: 'on-call',
      scopes: ['admin'],
      user: null,
      team: null,
      expiresAt: '2026-02-07T09:00:00.000Z',
      version: '0.1.0',
      timeZone: 'UTC',
    },
  });

export const signInCodeSchema = z
  .object({
    code: z.string().describe('Signs in once: goes behind `#code=` of the address.'),
    path: z.string().describe('Where the dashboard is on this server: `PATH#code=CODE` signs in.'),
    expiresAt: instant(),
  })
  .openapi('SignInCode', {
    example: { code: 'q1Zb4Yy8…', path: '/', expiresAt: '2026-01-31T09:10:00.000Z' },
  });

export type SignInRequest = z.input<typeof signInRequestSchema>;
export type SignedInResource = z.infer<typeof signedInSchema>;
export type SignInCodeResource = z.infer<typeof signInCodeSchema>;
