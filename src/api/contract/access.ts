import { z } from '@hono/zod-openapi';
import { SCOPES } from '../../access/scopes.ts';
import { owner, text } from '../input-fields.ts';
import { instant } from './output-fields.ts';

const scope = z.enum(SCOPES, `must be one of ${SCOPES.join(', ')}`);
const userScopes = SCOPES.filter((name) => name !== 'admin');

export const newKeySchema = z
  .strictObject(
    {
      name: text()
        .min(1, 'must not be empty')
        .max(100, 'must have at most 100 characters')
        .describe('A name for people, such as the service that uses the key.'),
      scopes: z
        .array(scope, 'must be a list of scopes')
        .min(1, 'must name at least one scope')
        .max(SCOPES.length, `must name at most ${SCOPES.length} scopes`)
        .optional()
        .describe('Defaults to the scopes of an application: runs:write, runs:read and approvals.'),
      user: owner()
        .optional()
        .describe('The end user the key is bound to. Defaults to none: the key may use the runs of all users.'),
      team: owner().optional().describe('The team the key is bound to. Defaults to none.'),
    },
    'must be an object',
  )
  .openapi('NewKey', { example: { name: 'shop backend', scopes: ['runs:write', 'runs:read'] } });

export const keySchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    user: z.string().nullable(),
    team: z.string().nullable(),
    subject: z
      .string()
      .nullable()
      .describe('Issuer and subject of a person who signs in with OpenID Connect; null for a key that callers send.'),
    createdAt: instant(),
    lastUsedAt: instant().nullable().describe('Precise to the minute; null when the key was never used.'),
    revokedAt: instant().nullable(),
  })
  .openapi('Key');

export const createdKeySchema = keySchema
  .extend({ key: z.string().describe('The key itself. Shown only once, because only its hash is stored.') })
  .openapi('CreatedKey');

export const tokenRequestSchema = z
  .strictObject(
    {
      user: owner().describe('The end user the token is for.'),
      team: owner().optional().describe('The team the token is for. Defaults to the team the key is bound to, if any.'),
      scopes: z
        .array(z.enum(userScopes, `must be one of ${userScopes.join(', ')}`), 'must be a list of scopes')
        .min(1, 'must name at least one scope')
        .max(userScopes.length, `must name at most ${userScopes.length} scopes`)
        .optional()
        .describe('At most the scopes of the key. Defaults to all scopes of the key except `admin`.'),
      expiresInSeconds: z
        .int('must be a whole number of seconds')
        .min(1, 'must be between 1 and 86400')
        .max(86_400, 'must be between 1 and 86400')
        .optional()
        .describe('Defaults to 900.'),
    },
    'must be an object',
  )
  .openapi('TokenRequest', { example: { user: 'ann', scopes: ['runs:read'] } });

export const tokenSchema = z
  .object({ token: z.string().describe('A JSON Web Token. Send it in place of an API key.'), expiresAt: instant() })
  .openapi('Token');

export type NewKey = z.input<typeof newKeySchema>;
export type KeyResource = z.infer<typeof keySchema>;
export type CreatedKeyResource = z.infer<typeof createdKeySchema>;
export type TokenRequest = z.input<typeof tokenRequestSchema>;
export type TokenResource = z.infer<typeof tokenSchema>;
