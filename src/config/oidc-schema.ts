import { z } from 'zod';
import { positive } from './option-values.ts';

const text = (what: string) => z.string(what).min(1, what).max(1_000, 'must have at most 1000 characters');
const SECRET = 'must be a text, { env: "NAME" } or { file: "PATH" }';

const oidcGroupSchema = z
  .strictObject({
    /** Group that the provider reports for the person; `*` matches every person who can sign in there. */
    group: text('must be the name of a group, or "*"'),
    /** Rights of its members: the [scopes](access.md) of an API key. */
    scopes: z
      .array(z.enum(['runs:write', 'runs:read', 'approvals', 'admin']), 'must be a list of scopes')
      .min(1, 'must name at least one scope'),
    /** Team to which its members are bound. Defaults to none: they see the runs of all teams. */
    team: text('must be the name of a team').optional(),
    /** User to which its members are bound. Defaults to none: they see the runs of all users. */
    user: text('must be the name of a user').optional(),
    /** Claim that holds the user to whom the person is bound, such as `email` or `sub`. Defaults to none. */
    userClaim: text('must be the name of a claim').optional(),
  })
  .refine(({ user, userClaim }) => user === undefined || userClaim === undefined, {
    message: 'and user exclude each other: set one of the two',
    path: ['userClaim'],
  })
  .refine(({ scopes, ...bound }) => !scopes.includes('admin') || Object.values(bound).length === 1, {
    message: 'must not contain "admin" beside team, user or userClaim: operators see everything',
    path: ['scopes'],
  });

/** Sign-in of people at an OpenID Connect provider, beside the sign-in with API keys. */
export const oidcSchema = z.strictObject({
  /**
   * Address of the provider, exactly as its discovery document names it, such as `https://login.example.com`. Must
   * be `https:`, except on this machine.
   */
  issuer: z
    .url({ protocol: /^https?$/, error: 'must be an https URL', abort: true })
    .refine(isSafe, 'must be an https URL; http is allowed for this machine only'),
  /** Longhaul's name at the provider. */
  clientId: text('must be a text'),
  /**
   * Longhaul's secret at the provider: a text, `{ env: "NAME" }` for the variable that holds it, or `{ file: "PATH" }`
   * for the file. Defaults to none: a public client, protected by PKCE alone.
   */
  clientSecret: z
    .union(
      [
        text('must be a text'),
        z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
        z.strictObject({ file: z.string().min(1) }),
      ],
      SECRET,
    )
    .optional(),
  /** Scopes to request from the provider. Defaults to `openid`, `profile` and `email`. */
  scopes: z
    .array(text('must be the name of a scope').regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'must be the name of a scope'))
    .min(1, 'must contain "openid"')
    .refine((scopes) => scopes.includes('openid'), 'must contain "openid"')
    .optional(),
  /**
   * Claim with the groups of the person, in the ID token or from the userinfo endpoint. Dots lead into objects:
   * `realm_access.roles`. Defaults to `groups`.
   */
  groupsClaim: text('must be the name of a claim').optional(),
  /** Rights of people by their groups, each described below. The first entry that matches decides. */
  groups: z
    .array(oidcGroupSchema, 'must be a list of { group, scopes, team, user, userClaim }')
    .min(1, 'must map at least one group')
    .max(1_000, 'must have at most 1000 entries'),
  /**
   * With `userClaim: 'email'`, sign in only people whose address the provider reports as verified (`email_verified`).
   * `false` also accepts an address about which the provider says nothing; an address that it reports as unverified is
   * always rejected. Defaults to true.
   */
  requireVerifiedEmail: z.boolean('must be true or false').optional(),
  /** Name of the provider on the button. Defaults to its host name. */
  title: text('must be a text').max(40, 'must have at most 40 characters').optional(),
  /**
   * Origin of the server as browsers see it, such as `https://longhaul.example.com`, if a proxy changes the `Host`
   * header. Defaults to that of the request.
   */
  publicOrigin: z
    .url({ protocol: /^https?$/, error: 'must be an origin such as "https://longhaul.example.com"' })
    .refine((value) => new URL(value).pathname === '/', 'must be an origin, without a path')
    .optional(),
  /** Time after which a person must sign in again, which also reads the groups again. Defaults to 12, half a day. */
  signedInHours: positive().max(8_760, 'must be at most 8760').optional(),
});

function isSafe(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === 'https:' || /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);
}
