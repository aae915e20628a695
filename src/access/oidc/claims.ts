/** Claims of an OpenID Connect provider about a person. */
export type Claims = Readonly<Record<string, unknown>>;

/** Longest name that the dashboard shows for a person. */
const MAX_NAME_LENGTH = 100;

/**
 * Reads a claim by its name, or by a path of names with dots between them; undefined when it is missing. A claim with
 * dots in its own name, such as `https://example.com/groups`, takes precedence.
 */
export function readClaim(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Claims)[part];
  }
  return value;
}

/**
 * Adds the claims of the userinfo endpoint to those of the ID token, which take precedence. A statement about a mail
 * address applies only to that address.
 */
export function mergeClaims(idToken: Claims, userInfo: Claims): Claims {
  const isOtherAddress = idToken['email'] !== undefined && idToken['email'] !== userInfo['email'];
  const { email_verified: _, ...others } = userInfo;
  return { ...(isOtherAddress ? others : userInfo), ...idToken };
}

/** Returns the groups of a claim: a list of texts, or a single text. */
export function readGroups(claims: Claims, name: string): readonly string[] {
  return [readClaim(claims, name)].flat().filter((group) => typeof group === 'string');
}

/** Returns the name to show for a person: `Ann Lee (ann@example.com)`, or what there is of it. */
export function readName(claims: Claims): string {
  const text = (name: string) => {
    const value = claims[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
  };
  const address = text('email') ?? text('preferred_username');
  const name = text('name');
  const shown = name === null || address === null ? (name ?? address ?? text('sub') ?? '') : `${name} (${address})`;
  return Array.from(shown).slice(0, MAX_NAME_LENGTH).join('');
}
