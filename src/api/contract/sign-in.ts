import { z } from '@hono/zod-openapi';
import { SCOPES } from '../../access/scopes.ts';
import { text } from '../input-fields.ts';
import { instant } from './output-fields.ts';

const credential = () => text().min(1, 'must not be empty').max(200, 'must have at most 200 characters');

export const signInRequestSchema = z
  .strictObject(
    {
      key: credential().optional().describe('An API key.'),
      code: credential().optional().describe('A code from `POST /v1/sign-in/code`. It works once.'),
    },
    'must be an object',
  )
  .refine(({ key, code }) => (key === undefined) !== (code === undefined), {
    path: ['key'],
    message: 'must be given unless code is given; not both',
  })
  .openapi('SignInRequest', { example: { key: 'lh_…' } });

export const signedInSchema = z
  .object({
    keyId: z.uuid().describe('The API key that the caller sent, or that its sign-in or token belongs to.'),
    name: z.string().describe("The key's name."),
    scopes: z.array(z.enum(SCOPES)),
    user: z.string().nullable().describe('The end user that the caller is bound to; null when it is bound to none.'),
    team: z.string().nullable().describe('The team that the caller is bound to; null when it is bound to none.'),
    expiresAt: instant()
      .nullable()
      .describe('Time at which the sign-in or token expires; null for an API key, which does not expire.'),
    version: z.string().describe("The server's version."),
    timeZone: z.string().describe('Time zone in which the days and months of costs begin.'),
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
    code: z.string().describe('Signs in once. Append it to the address after `#code=`.'),
    path: z.string().describe('Path of the dashboard on this server; `PATH#code=CODE` signs in.'),
    expiresAt: instant(),
  })
  .openapi('SignInCode', {
    example: { code: 'q1Zb4Yy8…', path: '/', expiresAt: '2026-01-31T09:10:00.000Z' },
  });

export type SignInRequest = z.input<typeof signInRequestSchema>;
export type SignedInResource = z.infer<typeof signedInSchema>;
export type SignInCodeResource = z.infer<typeof signInCodeSchema>;
