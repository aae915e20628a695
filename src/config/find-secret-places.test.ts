import path from 'node:path';
import { expect, test } from 'vitest';
import { findSecretPlaces } from './find-secret-places.ts';

const oidc = { issuer: 'https://login.example.com', clientId: 'longhaul', groups: [] };
const find = (databaseUrl: string | undefined, clientSecret?: string | { env: string } | { file: string }) =>
  findSecretPlaces({ databaseUrl, dashboard: { oidc: { ...oidc, clientSecret } }, baseDir: '/app' });

test('the file that holds the secret of the sign-in is secret', () => {
  expect(find(undefined, { file: '/etc/longhaul/oidc' })).toEqual(['/etc/longhaul/oidc']);
  expect(find(undefined, { file: 'keys/oidc' })).toEqual(['/app/keys/oidc']);
  expect(find(undefined, { env: 'OIDC_SECRET' })).toEqual([]);
  expect(find(undefined, 'a text')).toEqual([]);
  expect(findSecretPlaces({ databaseUrl: undefined, dashboard: false, baseDir: '/app' })).toEqual([]);
});

test.each([
  ['postgres://longhaul@/longhaul?host=/run/postgresql', ['/run/postgresql/.s.PGSQL.5432']],
  ['postgres://%2Frun%2Fpostgresql:5433/longhaul', ['/run/postgresql/.s.PGSQL.5433']],
  ['postgres:///longhaul?host=/run/postgresql&port=6432', ['/run/postgresql/.s.PGSQL.6432']],
  ['postgres://db.internal/longhaul?sslkey=/etc/longhaul/client.key', ['/etc/longhaul/client.key']],
  ['postgres://db.internal/longhaul?sslkey=client.key', [path.resolve('client.key')]],
  ['postgres://db.internal:5432/longhaul', []],
  ['postgres:// not a URL', []],
])('of the database at %s, %j are secret', (url, places) => {
  expect(find(url)).toEqual(places);
});
