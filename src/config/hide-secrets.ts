import type { FieldError } from '../core/errors.ts';

/** Returns an error without the received value if that may be a secret. */
export function hideSecrets(error: FieldError): FieldError {
  const isSecret =
    /_URL$|_KEY$|_TOKEN$|_HEADERS$|_PROXY$/.test(error.path) ||
    error.path.startsWith('dashboard.oidc.clientSecret') ||
    (error.path.startsWith('providers.') &&
      !/\.(kind|region|project|profile|keyFile|models(\..*)?)$/.test(error.path)) ||
    /^agents\.[^.]+\.mcpServers\.[^.]+\.(args|env|url|headers)\b/.test(error.path) ||
    (error.path.startsWith('alerts.channels') && !/\.(type|minSeverity)$/.test(error.path));
  return isSecret ? { ...error, message: error.message.replace(/; received .*$/s, '') } : error;
}
