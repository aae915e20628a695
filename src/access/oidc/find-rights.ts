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
export function findRights({ groups: rules, groupsClaim }: OidcConfig, claims: Claims): Rights {
  const groups = readGroups(claims, groupsClaim);
  const rule = rules.find(({ group }) => group === '*' || groups.includes(group));
  if (rule === undefined) {
    const found = groups.length === 0 ? 'none' : groups.slice(0, 20).join(', ');
    throw new SignInFailure('no_group', `No entry of dashboard.oidc.groups names a group of the person: ${found}.`);
  }
  const { scopes, team, userClaim } = rule;
  return { scopes, team, user: userClaim === null ? rule.user : readUser(claims, userClaim) };
}

function readUser(claims: Claims, name: string): string {
  const user = readClaim(claims, name);
  if (typeof user !== 'string' || user.trim() === '' || user.length > MAX_USER_LENGTH) {
    throw new SignInFailure('no_user', `The claim ${name} names no user.`);
  }
  // At some providers people may enter the address of another. Some write the claim as a text.
  const isVerified = claims['email_verified'] ?? true;
  if (name === 'email' && isVerified !== true && isVerified !== 'true') {
    throw new SignInFailure('unverified', 'The provider has not verified the mail address of the person.');
  }
  return user;
}
