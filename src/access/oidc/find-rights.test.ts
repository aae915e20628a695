import { describe, expect, it } from 'vitest';
import type { OidcConfig, OidcGroup } from '../../config/config.ts';
import { mergeClaims, readClaim, readName } from './claims.ts';
import { findRights, neededClaims } from './find-rights.ts';

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
  requireVerifiedEmail: true,
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
    const verified = { email: 'ann@example.com', email_verified: true };
    expect(findRights(rules, verified)).toMatchObject({ user: 'ann@example.com' });
    for (const email of [undefined, '', ' ', 7, 'x'.repeat(201)]) {
      expect(() => findRights(rules, { email })).toThrow(expect.objectContaining({ reason: 'no_user' }));
    }
    expect(findRights(rules, { ...verified, email_verified: 'true' })).toMatchObject({ user: 'ann@example.com' });
  });

  it('are not bound to a mail address that the provider has not verified, or says nothing about', () => {
    const rules = config([rule({ group: '*', userClaim: 'email' })]);
    for (const claims of [
      {},
      ...[undefined, null, false, 'false', '', 0].map((value) => ({ email_verified: value })),
    ]) {
      expect(() => findRights(rules, { email: 'ann@example.com', ...claims })).toThrow(
        expect.objectContaining({ reason: 'unverified' }),
      );
    }
    const trusting = { ...rules, requireVerifiedEmail: false };
    expect(findRights(trusting, { email: 'ann@example.com' })).toMatchObject({ user: 'ann@example.com' });
    expect(() => findRights(trusting, { email: 'ann@example.com', email_verified: false })).toThrow(
      expect.objectContaining({ reason: 'unverified' }),
    );
    expect(findRights(config([rule({ group: '*', userClaim: 'sub' })]), { sub: '7' })).toMatchObject({ user: '7' });
  });
});

describe('the claims of an ID token', () => {
  it('are completed from the userinfo endpoint if one is missing that the rights depend on', () => {
    expect(neededClaims(config([rule({ group: '*' })]))).toEqual(['groups']);
    const rules = config([rule({ group: 'a', userClaim: 'email' }), rule({ group: 'b', userClaim: 'oid' })]);
    expect(neededClaims(rules)).toEqual(['groups', 'email', 'oid', 'email_verified']);
    expect(neededClaims({ ...rules, requireVerifiedEmail: false })).toEqual(['groups', 'email', 'oid']);
  });

  it('take precedence, and another address is not verified by them', () => {
    const userInfo = { email: 'ann@example.com', email_verified: true, groups: ['a'] };
    expect(mergeClaims({ email: 'ann@example.com', groups: ['b'] }, userInfo)).toEqual({ ...userInfo, groups: ['b'] });
    expect(mergeClaims({ sub: '7' }, userInfo)).toEqual({ ...userInfo, sub: '7' });
    expect(mergeClaims({ email: 'bob@example.com' }, userInfo)).toEqual({ email: 'bob@example.com', groups: ['a'] });
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
