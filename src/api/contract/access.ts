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
        .describe('For people to know it by, such as the service that holds it.'),
      scopes: z
        .array(scope, 'must be a list of scopes')
        .min(1, 'must name at least one scope')
        .max(SCOPES.length, `must name at most ${SCOPES.length} scopes`)
        .optional()
        .describe("Defaults to an application's: runs:write, runs:read and approvals."),
      user: owner()
        .optional()
        .describe('The one end user it is bound to. Defaults to none: it is for the runs of all.'),
      team: owner().optional().describe('The one team it is bound to. Defaults to none.'),
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
    createdAt: instant(),
    lastUsedAt: instant().nullable().describe('To the minute; null: never.'),
    revokedAt: instant().nullable(),
  })
  .openapi('Key');

export const createdKeySchema = keySchema
  .extend({ key: z.string().describe('The key itself. Shown this once: only its hash is kept.') })
  .openapi('CreatedKey');

export const tokenRequestSchema = z
  .strictObject(
    {
      user: owner().describe('The end user it is for.'),
      team: owner().optional().describe('The team as well. Defaults to none, or the one the key is bound to.'),
      scopes: z
        .array(z.enum(userScopes, `must be one of ${userScopes.join(', ')}`), 'must be a list of scopes')
        .min(1, 'must name at least one scope')
        .max(userScopes.length, `must name at most ${userScopes.length} scopes`)
        .optional()
        .describe("Those of the key at most. Defaults to all of the key's but `admin`."),
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
  .object({ token: z.string().describe('A JSON Web Token. Goes where a key goes.'), expiresAt: instant() })
  .openapi('Token');

export type NewKey = z.input<typeof newKeySchema>;
export type KeyResource = z.infer<typeof keySchema>;
export type CreatedKeyResource = z.infer<typeof createdKeySchema>;
export type TokenRequest = z.input<typeof tokenRequestSchema>;
export type TokenResource = z.infer<typeof tokenSchema>;
