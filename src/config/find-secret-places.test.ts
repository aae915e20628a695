import path from 'node:path';
import { expect, test } from 'vitest';
import { findSecretPlaces } from './find-secret-places.ts';

const oidc = { issuer: 'https://login.example.com', clientId: 'longhaul', groups: [] };
type Options = Parameters<typeof findSecretPlaces>[0];
const find = (variables: Options['variables'], clientSecret?: string | { env: string } | { file: string }) =>
  findSecretPlaces({ variables, dashboard: { oidc: { ...oidc, clientSecret } }, baseDir: '/app' });

test('the files that hold the admin key and the secret of the sign-in are secret', () => {
  expect(find({ LONGHAUL_ADMIN_KEY_FILE: 'keys/admin' }, { file: '/etc/longhaul/oidc' })).toEqual([
    '/app/keys/admin',
    '/etc/longhaul/oidc',
  ]);
  expect(find({}, { env: 'OIDC_SECRET' })).toEqual([]);
  expect(find({}, 'a text')).toEqual([]);
  expect(findSecretPlaces({ variables: {}, dashboard: false, baseDir: '/app' })).toEqual([]);
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
  expect(find({ LONGHAUL_DATABASE_URL: url })).toEqual(places);
});
