import type { OidcConfig } from '../../config/config.ts';
import type { Scope } from '../scopes.ts';
import { readClaim, readGroups, type Claims } from './claims.ts';
import { SignInFailure } from './sign-in-failure.ts';

/** Rights of a person. */
export interface Rights {
  readonly scopes: readonly Scope[];
  readonly user: string | null;
  readonly team: string | null;
}

/** Longest name of a user, as in the API. */
const MAX_USER_LENGTH = 200;

/**
 * Finds the rights of a person: those of the first entry that names one of the person's groups. Entries are not merged,
 * because scopes of one entry within the bounds of another would be more than either grants.
 * @throws {SignInFailure} `no_group`; `no_user` or `unverified` when the claim with the user cannot be trusted.
 */
export function findRights(config: OidcConfig, claims: Claims): Rights {
  const { groups: rules, groupsClaim, requireVerifiedEmail } = config;
  const groups = readGroups(claims, groupsClaim);
  const rule = rules.find(({ group }) => group === '*' || groups.includes(group));
  if (rule === undefined) {
    const found = groups.length === 0 ? 'none' : groups.slice(0, 20).join(', ');
    throw new SignInFailure('no_group', `No entry of dashboard.oidc.groups names a group of the person: ${found}.`);
  }
  const { scopes, team, userClaim } = rule;
  if (userClaim === null) return { scopes, team, user: rule.user };
  const user = readUser(claims, userClaim);
  if (userClaim === 'email') checkVerified(claims, requireVerifiedEmail);
  return { scopes, team, user };
}

/** Returns the claims that the rights of a person may depend on. */
export function neededClaims({ groups, groupsClaim, requireVerifiedEmail }: OidcConfig): readonly string[] {
  const userClaims = groups.flatMap(({ userClaim }) => userClaim ?? []);
  const isVerifiedNeeded = requireVerifiedEmail && userClaims.includes('email');
  return [groupsClaim, ...userClaims, ...(isVerifiedNeeded ? ['email_verified'] : [])];
}

function readUser(claims: Claims, name: string): string {
  const user = readClaim(claims, name);
  if (typeof user !== 'string' || user.trim() === '' || user.length > MAX_USER_LENGTH) {
    throw new SignInFailure('no_user', `The claim ${name} names no user.`);
  }
  return user;
}

/** At some providers people may enter the address of another person, and would then see that person's runs. */
function checkVerified(claims: Claims, requireVerifiedEmail: boolean): void {
  const { email_verified: isVerified = null } = claims;
  // Some providers write the claim as a text.
  if (isVerified === true || isVerified === 'true' || (isVerified === null && !requireVerifiedEmail)) return;
  throw new SignInFailure(
    'unverified',
    isVerified === null
      ? 'The provider does not say whether the mail address of the person is verified: email_verified is missing. Set userClaim to another claim, such as sub; or set dashboard.oidc.requireVerifiedEmail to false if people cannot change their address at the provider.'
      : 'The provider has not verified the mail address of the person.',
  );
}
