import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConfig } from './resolve.ts';

const OIDC = {
  issuer: 'https://login.example.com',
  clientId: 'longhaul',
  groups: [{ group: 'operators', scopes: ['admin'] }],
};

describe('the dashboard', () => {
  let baseDir: string;

  beforeAll(async () => {
    baseDir = await mkdtemp(path.join(tmpdir(), 'longhaul-config-'));
  });
  afterAll(() => rm(baseDir, { recursive: true, force: true }));

  const resolve = (dashboard: unknown, env: Record<string, string> = {}) =>
    resolveConfig({ input: { agents: { teller: { tools: [] } }, dashboard }, baseDir, env }).dashboard;

  it('is at / for a week, without OpenID Connect, unless the configuration says otherwise', () => {
    expect(resolve(undefined)).toEqual({ path: '', signedInMs: 604_800_000, oidc: null });
    expect(resolve(false)).toBeNull();
  });

  it('fills in the defaults of OpenID Connect', () => {
    expect(resolve({ oidc: OIDC })?.oidc).toEqual({
      ...OIDC,
      clientSecret: null,
      scopes: ['openid', 'profile', 'email'],
      groupsClaim: 'groups',
      groups: [{ group: 'operators', scopes: ['admin'], team: null, user: null, userClaim: null }],
      requireVerifiedEmail: true,
      title: 'login.example.com',
      publicOrigin: null,
      signedInMs: 43_200_000,
    });
  });

  it('reads the secret from a variable or a file, and never shows it', async () => {
    await writeFile(path.join(baseDir, 'secret'), 'from the file\n');
    await writeFile(path.join(baseDir, 'empty'), '\n');
    const read = (clientSecret: unknown, env = {}) => resolve({ oidc: { ...OIDC, clientSecret } }, env)?.oidc;
    expect(read({ env: 'SECRET' }, { SECRET: 'from the variable' })?.clientSecret).toBe('from the variable');
    expect(read({ file: 'secret' })?.clientSecret).toBe('from the file');
    expect(() => read({ env: 'SECRET' })).toThrow(
      'dashboard.oidc.clientSecret names the variable SECRET, which is not',
    );
    expect(() => read({ file: 'missing' })).toThrow('missing, which cannot be read');
    expect(() => read({ file: 'empty' })).toThrow('empty, which is empty');
    expect(() => read(7_777)).toThrow('must be a text, { env: "NAME" } or { file: "PATH" }');
    expect(() => read(7_777)).not.toThrow('7777');
  });

  it.each([
    [{ issuer: 'http://login.example.com' }, 'issuer must be an https URL'],
    [{ issuer: 'login' }, 'issuer must be an https URL'],
    [{ scopes: ['email'] }, 'scopes must contain "openid"'],
    [{ groups: [] }, 'groups must map at least one group'],
    [{ groups: [{ group: 'a', scopes: ['all'] }] }, 'groups.0.scopes.0 '],
    [{ groups: [{ group: 'a', scopes: ['runs:read'], user: 'x', userClaim: 'sub' }] }, 'groups.0.userClaim and user'],
    [{ groups: [{ group: 'a', scopes: ['admin'], team: 'north' }] }, 'groups.0.scopes must not contain "admin"'],
    [{ publicOrigin: 'https://longhaul.example.com/path' }, 'publicOrigin must be an origin'],
    [{ client: 'x' }, 'client is not a known field'],
  ])('rejects OpenID Connect with %j', (changes, message) => {
    expect(() => resolve({ oidc: { ...OIDC, ...changes } })).toThrow(`dashboard.oidc.${message}`);
  });

  it('allows a provider without TLS on this machine', () => {
    for (const issuer of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
      expect(resolve({ oidc: { ...OIDC, issuer } })?.oidc?.issuer).toBe(issuer);
    }
  });
});
