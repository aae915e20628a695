import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, type Listening } from '../src/api/listen.ts';
import { createClient, type LonghaulClient } from '../src/client/client.ts';
import { say, startTestLonghaul, turn, type TestLonghaul } from '../src/testing/index.ts';
import { findChromium, startChromium } from './support/chromium.ts';
import { startIdentityProvider, type IdentityProvider } from './support/identity-provider.ts';

// Signing in to the dashboard at a real OpenID Connect provider, in Chromium. Provider and dashboard are two sites, so
// the browser applies the rules for cookies that it applies anywhere.

const CHROMIUM = findChromium();
const BASE = '/ops';
const CLIENT = { clientId: 'longhaul', clientSecret: 'a secret & of "signs"' };

describe.skipIf(CHROMIUM === null)('signing in with OpenID Connect', () => {
  let directory: string;
  let provider: IdentityProvider;
  let kit: TestLonghaul;
  let server: Listening;
  let browser: Browser;
  let client: LonghaulClient;
  let home: string;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-openid-'));
    provider = await startIdentityProvider(CLIENT);
    const oidc = {
      issuer: provider.issuer,
      ...CLIENT,
      scopes: ['openid', 'profile', 'email', 'groups'],
      title: 'Example "login"',
      groups: [
        { group: 'operators', scopes: ['admin' as const] },
        { group: 'north', scopes: ['runs:read' as const, 'approvals' as const], team: 'north' },
        { group: 'staff', scopes: ['runs:read' as const], userClaim: 'email' },
      ],
    };
    kit = await startTestLonghaul({
      config: { agents: { teller: { tools: [], prewarm: false } }, dashboard: { path: '/board', oidc } },
      baseDir: directory,
      basePath: BASE,
      script: () => turn(say('Done.')),
    });
    server = await listen({ fetch: (request) => kit.longhaul.fetch(request), host: '127.0.0.1', port: 0 });
    home = `${server.url}${BASE}/board`;
    provider.serve(`${home}/sign-in/callback`);
    client = createClient({ url: `${server.url}${BASE}`, apiKey: kit.longhaul.newAdminKey! });
    browser = await startChromium(CHROMIUM!);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await kit?.stop();
    await provider?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Opens a new browser at a page of the dashboard. */
  async function open(place = '/'): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, reducedMotion: 'reduce' });
    context.setDefaultTimeout(30_000);
    contexts.push(context);
    const page = await context.newPage();
    await page.goto(`${home}${place}`);
    return page;
  }

  async function goToProvider(page: Page): Promise<void> {
    await page.getByRole('link', { name: 'Sign in with Example "login"' }).click();
    await page.waitForURL((url) => url.origin === provider.issuer);
  }

  async function logIn(page: Page, login: string): Promise<void> {
    await goToProvider(page);
    await page.locator('input[name=login]').fill(login);
    await page.locator('input[name=password]').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL((url) => url.href.startsWith(home));
  }

  const signedInAs = (page: Page) =>
    page.evaluate<unknown>(`fetch('${BASE}/v1/sign-in').then((response) => response.json())`);
  const signedIn = (page: Page) => page.getByRole('navigation', { name: 'Pages' }).waitFor();

  it('leads back to the page that was asked for, with a cookie that no script and no other site can use', async () => {
    provider.groups.set('ann', ['everyone', 'operators']);
    const page = await open('/runs?status=failed');
    await logIn(page, 'ann');
    await signedIn(page);
    await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
    expect(page.url()).toBe(`${home}/runs?status=failed`);
    const cookies = (await page.context().cookies()).filter(({ domain }) => domain === '127.0.0.1');
    expect(cookies).toEqual([expect.objectContaining({ httpOnly: true, sameSite: 'Strict', path: BASE })]);
    const lastsMs = cookies[0]!.expires * 1_000 - Date.now();
    expect([lastsMs > 11.9 * 3_600_000, lastsMs < 12.1 * 3_600_000]).toEqual([true, true]);
    expect(await signedInAs(page)).toMatchObject({
      name: 'ann of the test (ann@example.com)',
      scopes: ['admin'],
      team: null,
    });
    await page.reload();
    await signedIn(page);

    const { data: keys } = await client.keys();
    expect(keys[0]).toMatchObject({ name: 'ann of the test (ann@example.com)', subject: `${provider.issuer} ann` });
    const { data: entries } = await client.audit({ limit: 20 });
    expect(entries.map(({ action, subject }) => [action, subject])).toEqual(
      expect.arrayContaining([
        ['key.created', keys[0]!.id],
        ['dashboard.signed_in', keys[0]!.id],
      ]),
    );

    await page.getByRole('button', { name: /Account and colou?rs/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  it('shows the members of a team that team alone, and a person bound to a claim that user alone', async () => {
    provider.groups.set('bob', ['north']);
    provider.groups.set('cid', ['staff']);
    provider.groups.set('new-dee', ['staff']);
    const page = await open();
    await logIn(page, 'bob');
    await signedIn(page);
    expect(await signedInAs(page)).toMatchObject({ scopes: ['runs:read', 'approvals'], team: 'north', user: null });
    expect(await page.getByRole('link', { name: 'Keys' }).count()).toBe(0);
    const other = await open();
    await logIn(other, 'cid');
    await signedIn(other);
    expect(await signedInAs(other)).toMatchObject({ scopes: ['runs:read'], team: null, user: 'cid@example.com' });
    const unverified = await open();
    await logIn(unverified, 'new-dee');
    await unverified.getByText('has not verified your mail address').waitFor();
  });

  it('says so when no group of the person may use the dashboard, and takes an API key in place', async () => {
    provider.groups.set('eve', ['guests']);
    const page = await open('/costs');
    await logIn(page, 'eve');
    await page.getByText('Example "login" did not sign you in').waitFor();
    await page.getByText('None of your groups may use this dashboard').waitFor();
    expect(page.url()).not.toContain('#');
    await page.getByLabel('API key').fill(kit.longhaul.newAdminKey!);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await signedIn(page);
  });

  it('says so when the person cancels', async () => {
    const page = await open();
    await goToProvider(page);
    await page.getByRole('link', { name: /Cancel/ }).click();
    await page.getByText('You cancelled the sign-in').waitFor();
  });

  it('ends the earlier sign-ins of a person whose rights have changed, when the person signs in again', async () => {
    provider.groups.set('fay', ['operators']);
    const before = await open();
    await logIn(before, 'fay');
    await signedIn(before);
    provider.groups.set('fay', ['north']);
    const after = await open();
    await logIn(after, 'fay');
    await signedIn(after);
    expect(await signedInAs(after)).toMatchObject({ scopes: ['runs:read', 'approvals'], team: 'north' });
    await before.reload();
    await before.getByRole('heading', { name: 'Sign in' }).waitFor();
    const { data } = await client.keys();
    const ofFay = data.filter(({ subject }) => subject === `${provider.issuer} fay`);
    expect(ofFay.map(({ scopes, revokedAt }) => [scopes.length, revokedAt !== null])).toEqual([
      [2, false],
      [1, true],
    ]);
  });

  it('ends the sign-ins of a person whose key an operator revokes, and lets nobody prolong one', async () => {
    provider.groups.set('gus', ['operators']);
    const page = await open();
    await logIn(page, 'gus');
    await signedIn(page);
    const made = await page.evaluate<number>(
      `fetch('${BASE}/v1/sign-in/code', { method: 'POST', headers: { 'x-longhaul-dashboard': '1' } }).then(({ status }) => status)`,
    );
    expect(made).toBe(403);
    const { data } = await client.keys();
    await client.revokeKey(data.find(({ subject }) => subject === `${provider.issuer} gus`)!.id);
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  it('rejects an answer that another browser asked for, or that comes a second time', async () => {
    provider.groups.set('hal', ['north']);
    const page = await open();
    const answers: string[] = [];
    page.on('request', (request) => {
      if (request.url().startsWith(`${home}/sign-in/callback`)) answers.push(request.url());
    });
    await logIn(page, 'hal');
    await signedIn(page);
    const [answer] = answers;
    for (const cookie of [undefined, 'longhaul_oidc_x=e30']) {
      const response = await fetch(answer!, { redirect: 'manual', headers: cookie === undefined ? {} : { cookie } });
      expect([response.status, response.headers.get('location')]).toEqual([
        303,
        `${BASE}/board/#sign-in-failed=expired`,
      ]);
      expect(response.headers.get('set-cookie')).toBeNull();
    }
    await page.goto(answer!);
    await signedIn(page);
    expect((await fetch(`${home}/sign-in/callback`, { redirect: 'manual' })).headers.get('location')).toMatch(
      /expired$/,
    );
  });

  it('opens no page of another site after the sign-in, and begins none for another site', async () => {
    for (const [to, opened] of [
      ['https://elsewhere.example/', `${BASE}/board/`],
      ['//elsewhere.example/ops/board/', `${BASE}/board/`],
      [`${BASE}/board/../../v1/runs`, `${BASE}/board/`],
      [`${BASE}/board/runs?q=a`, `${BASE}/board/runs?q=a`],
    ] as const) {
      const response = await fetch(`${home}/sign-in/oidc?${String(new URLSearchParams({ to }))}`, {
        redirect: 'manual',
      });
      expect(response.headers.get('location')).toContain(`${provider.issuer}/auth?`);
      const [cookie] = response.headers.getSetCookie();
      expect(cookie).toMatch(
        /^longhaul_oidc_[\w-]+=.*; Max-Age=600; Path=\/ops\/board\/sign-in; HttpOnly; SameSite=Lax$/,
      );
      const kept = JSON.parse(Buffer.from(cookie!.split(/[=;]/)[1]!, 'base64url').toString()) as { to: string };
      expect(kept.to).toBe(opened);
    }
    const headers = { 'sec-fetch-site': 'cross-site' };
    const foreign = await fetch(`${home}/sign-in/oidc`, { redirect: 'manual', headers });
    expect([foreign.headers.get('location'), foreign.headers.getSetCookie()]).toEqual([`${BASE}/board/`, []]);
  });

  it('says so when the provider does not respond, takes an API key in place, and works again afterwards', async () => {
    await provider.shut();
    // A server that has never reached the provider starts all the same.
    const other = await startTestLonghaul({
      config: {
        agents: { teller: { tools: [], prewarm: false } },
        dashboard: {
          oidc: { issuer: provider.issuer, clientId: 'longhaul', groups: [{ group: '*', scopes: ['admin'] }] },
        },
      },
      baseDir: await mkdtemp(path.join(directory, 'other-')),
      script: () => turn(say('Done.')),
    });
    const otherServer = await listen({ fetch: (request) => other.longhaul.fetch(request), host: '127.0.0.1', port: 0 });
    try {
      const page = await (await browser.newContext()).newPage();
      await page.goto(otherServer.url);
      await page.getByRole('link', { name: 'Sign in with localhost' }).click();
      await page.getByText('The provider does not respond').waitFor();
      await provider.reopen();
      await page.getByRole('link', { name: 'Sign in with localhost' }).click();
      // Its address is not registered there, so the provider keeps the browser.
      await page.waitForURL((url) => url.origin === provider.issuer);
      await page.goto(otherServer.url);
      await page.getByLabel('API key').fill(other.longhaul.newAdminKey!);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await signedIn(page);
    } finally {
      await otherServer.close();
      await other.stop();
    }
  });
});
