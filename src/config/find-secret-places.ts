import path from 'node:path';
import type { z } from 'zod';
import type { environmentSchema, LonghaulConfig } from './schema.ts';

interface SecretPlacesOptions {
  readonly variables: Pick<z.output<typeof environmentSchema>, 'LONGHAUL_ADMIN_KEY_FILE' | 'LONGHAUL_DATABASE_URL'>;
  readonly dashboard: LonghaulConfig['dashboard'];
  /** Base of relative paths. */
  readonly baseDir: string;
}

/**
 * Returns the files that would give an agent Longhaul's own rights: the files in which the configuration and the
 * variables say a secret is, and the socket of a database on this machine, which may admit every process of the worker's
 * user.
 */
export function findSecretPlaces({ variables, dashboard, baseDir }: SecretPlacesOptions): readonly string[] {
  const oidcSecret = typeof dashboard === 'object' ? dashboard.oidc?.clientSecret : undefined;
  const named = [
    variables.LONGHAUL_ADMIN_KEY_FILE,
    typeof oidcSecret === 'object' && 'file' in oidcSecret ? oidcSecret.file : undefined,
  ];
  return [
    ...named.filter((file) => file !== undefined).map((file) => path.resolve(baseDir, file)),
    ...findDatabasePlaces(variables.LONGHAUL_DATABASE_URL ?? ''),
  ];
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
