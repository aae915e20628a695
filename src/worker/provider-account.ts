import { createHash } from 'node:crypto';
import type { Provider } from '../config/config.ts';

/**
 * What tells one account with a provider from another, and is no secret: a hash of its address and of what signs in
 * there. Limits hold for an account, whatever the name it has in the config.
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
      // An AI gateway may take its key in a header of its own.
      return [provider.baseUrl, provider.apiKey, provider.authToken, ...Object.entries(provider.headers).flat()];
    case 'bedrock':
      // Temporary credentials change, and their account does not.
      return [
        provider.kind,
        provider.baseUrl,
        provider.region,
        provider.apiKey,
        provider.accessKey?.id ?? null,
        provider.profile,
      ];
    case 'vertex':
      // A quota is the project's, whoever signs in.
      return [provider.kind, provider.baseUrl, provider.region, provider.project];
  }
}
