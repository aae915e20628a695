import { createHash } from 'node:crypto';
import type { Provider } from './config.ts';

/**
 * Returns the id of a provider account, which is not secret: a hash of its address and credentials. Limits apply to an
 * account, whatever its name in the config.
 */
export function toAccount(provider: Provider): string {
  if (provider.kind === 'scripted') return provider.kind;
  return createHash('sha256')
    .update(JSON.stringify(toIdentity(provider)))
    .digest('hex')
    .slice(0, 16);
}

function toIdentity(provider: Exclude<Provider, { kind: 'scripted' }>): readonly (string | null)[] {
  switch (provider.kind) {
    case 'anthropic':
      // An AI gateway may take its key in a separate header.
      return [provider.baseUrl, provider.apiKey, provider.authToken, ...Object.entries(provider.headers).flat()];
    case 'bedrock':
      // Temporary credentials change; their account does not.
      return [
        provider.kind,
        provider.baseUrl,
        provider.region,
        provider.apiKey,
        provider.accessKey?.id ?? null,
        provider.profile,
      ];
    case 'vertex':
      // A quota belongs to the project, not to the user who signs in.
      return [provider.kind, provider.baseUrl, provider.region, provider.project];
  }
}
