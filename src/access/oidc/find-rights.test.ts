import { describe, expect, it } from 'vitest';
import type { OidcConfig, OidcGroup } from '../../config/config.ts';
import { readClaim, readName } from './claims.ts';
import { findRights } from './find-rights.ts';

const rule = (changes: Partial<OidcGroup> & { group: string }): OidcGroup => ({
  scopes: ['runs:read'],
  team: null,
  user: null,
  userClaim: null,
  ...changes,
});

const config = (groups: readonly OidcGroup[], groupsClaim = 'groups'): OidcConfig => ({
  issuer: 'https://login.example.com',
  clientId: 'longhaul',
  clientSecret: null,
  scopes: ['openid'],
  groupsClaim,
  groups,
  title: 'Example',
  publicOrigin: null,
  signedInMs: 1_000,
});

describe('the rights of a person', () => {
  it('are those of the first entry that matches, not of all', () => {
    const rules = config([
      rule({ group: 'north', scopes: ['runs:write'], team: 'north' }),
      rule({ group: 'all', scopes: ['runs:read', 'approvals'] }),
    ]);
    expect(findRights(rules, { groups: ['all', 'north'] })).toEqual({
      scopes: ['runs:write'],
      team: 'north',
      user: null,
    });
    expect(findRights(rules, { groups: 'all' })).toMatchObject({ scopes: ['runs:read', 'approvals'], team: null });
  });

  it('are none without a matching entry, whatever the claim holds', () => {
    const rules = config([rule({ group: 'north' })]);
    for (const claims of [{}, { groups: [] }, { groups: ['North'] }, { groups: { north: true } }, { groups: [7] }]) {
      expect(() => findRights(rules, claims)).toThrow(expect.objectContaining({ reason: 'no_group' }));
    }
    expect(findRights(config([rule({ group: '*' })]), {})).toMatchObject({ scopes: ['runs:read'] });
  });

  it('are bound to the user that a claim names, if the claim can be trusted', () => {
    const rules = config([rule({ group: '*', userClaim: 'email' })]);
    expect(findRights(rules, { email: 'ann@example.com' })).toMatchObject({ user: 'ann@example.com' });
    for (const email of [undefined, '', ' ', 7, 'x'.repeat(201)]) {
      expect(() => findRights(rules, { email })).toThrow(expect.objectContaining({ reason: 'no_user' }));
    }
    for (const verified of [false, 'false', '', 0]) {
      expect(() => findRights(rules, { email: 'ann@example.com', email_verified: verified })).toThrow(
        expect.objectContaining({ reason: 'unverified' }),
      );
    }
    expect(findRights(rules, { email: 'ann@example.com', email_verified: 'true' })).toMatchObject({
      user: 'ann@example.com',
    });
  });
});

describe('a claim', () => {
  it('is found by its name, also with dots, or by a path', () => {
    const claims = { 'https://example.com/groups': ['a'], realm_access: { roles: ['b'] }, name: 'Ann' };
    expect(readClaim(claims, 'https://example.com/groups')).toEqual(['a']);
    expect(readClaim(claims, 'realm_access.roles')).toEqual(['b']);
    expect(readClaim(claims, 'realm_access.none')).toBeUndefined();
    expect(readClaim(claims, 'name.length')).toBeUndefined();
    expect(readClaim(claims, 'constructor.name')).toBeUndefined();
  });

  it('gives the name to show, at most a hundred characters', () => {
    expect(readName({ sub: '7', name: 'Ann Lee', email: 'ann@example.com' })).toBe('Ann Lee (ann@example.com)');
    expect(readName({ sub: '7', preferred_username: 'ann' })).toBe('ann');
    expect(readName({ sub: '7' })).toBe('7');
    expect(readName({ sub: '7', name: '😀'.repeat(200) })).toBe('😀'.repeat(100));
  });
});
