import { readFileSync } from 'node:fs';
import path from 'node:path';
import { toMessage, type FieldError } from '../core/errors.ts';
import type { DashboardConfig, OidcConfig } from './config.ts';
import type { LonghaulConfig } from './schema.ts';

type DashboardInput = NonNullable<LonghaulConfig['dashboard']>;
type OidcInput = NonNullable<Exclude<DashboardInput, false>['oidc']>;

interface Source {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Base of the path of a secret's file. */
  readonly baseDir: string;
}

/** Returns the dashboard with every default in place, and its secret read. Do not use it if there are `errors`. */
export function resolveDashboard({ dashboard, ...source }: Source & { readonly dashboard: DashboardInput }): {
  readonly value: DashboardConfig | null;
  readonly errors: readonly FieldError[];
} {
  if (dashboard === false) return { value: null, errors: [] };
  const { path: place = '/', signedInHours = 168, oidc } = dashboard;
  const errors: FieldError[] = [];
  const value = {
    path: place === '/' ? '' : place,
    signedInMs: toMs(signedInHours),
    oidc: oidc === undefined ? null : resolveOidc(oidc, source, errors),
  };
  return { value, errors };
}

function resolveOidc(oidc: OidcInput, source: Source, errors: FieldError[]): OidcConfig {
  return {
    issuer: oidc.issuer,
    clientId: oidc.clientId,
    clientSecret: oidc.clientSecret === undefined ? null : readSecret(oidc.clientSecret, source, errors),
    scopes: oidc.scopes ?? ['openid', 'profile', 'email'],
    groupsClaim: oidc.groupsClaim ?? 'groups',
    groups: oidc.groups.map(({ group, scopes, team = null, user = null, userClaim = null }) => ({
      group,
      scopes: [...new Set(scopes)],
      team,
      user,
      userClaim,
    })),
    requireVerifiedEmail: oidc.requireVerifiedEmail ?? true,
    title: oidc.title ?? new URL(oidc.issuer).hostname,
    publicOrigin: oidc.publicOrigin === undefined ? null : new URL(oidc.publicOrigin).origin,
    signedInMs: toMs(oidc.signedInHours ?? 12),
  };
}

/** Reads the secret from its variable or file. Errors name the place, never the content. */
function readSecret(secret: NonNullable<OidcInput['clientSecret']>, source: Source, errors: FieldError[]): string {
  if (typeof secret === 'string') return secret;
  const refuse = (message: string) => {
    errors.push({ path: 'dashboard.oidc.clientSecret', message });
    return '';
  };
  if ('env' in secret) {
    return source.env[secret.env] || refuse(`names the variable ${secret.env}, which is not set`);
  }
  const file = path.resolve(source.baseDir, secret.file);
  try {
    return readFileSync(file, 'utf8').trim() || refuse(`names ${file}, which is empty`);
  } catch (error) {
    return refuse(`names ${file}, which cannot be read: ${toMessage(error)}`);
  }
}

function toMs(hours: number): number {
  return hours * 3_600_000;
}
