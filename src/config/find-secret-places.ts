import path from 'node:path';
import type { LonghaulConfig } from './schema.ts';

interface SecretPlacesOptions {
  readonly databaseUrl: string | undefined;
  readonly dashboard: LonghaulConfig['dashboard'];
  /** Base of relative paths. */
  readonly baseDir: string;
}

/**
 * Returns files that would give an agent Longhaul's own rights, beside the files of secret variables: the file of the
 * dashboard's secret, and the socket of a database on this machine, which may admit every process of the worker's user.
 */
export function findSecretPlaces({ databaseUrl = '', dashboard, baseDir }: SecretPlacesOptions): readonly string[] {
  const oidcSecret = typeof dashboard === 'object' ? dashboard.oidc?.clientSecret : undefined;
  const isInFile = typeof oidcSecret === 'object' && 'file' in oidcSecret;
  return [...(isInFile ? [path.resolve(baseDir, oidcSecret.file)] : []), ...findDatabasePlaces(databaseUrl)];
}

/** Finds the socket and the client's private key in the URL of a database. */
function findDatabasePlaces(given: string): string[] {
  // The driver also accepts a user without a host, which is no valid URL.
  const url = given.replace('@/', '@none/');
  if (!URL.canParse(url)) return [];
  const { hostname, port, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? hostname.replaceAll(/%2f/gi, '/');
  const socket = `.s.PGSQL.${searchParams.get('port') ?? (port || '5432')}`;
  const key = searchParams.get('sslkey');
  return [
    ...(path.isAbsolute(host) ? [path.join(host, socket)] : []),
    // The driver reads it from the current directory.
    ...(key === null || key === '' ? [] : [path.resolve(key)]),
  ];
}
