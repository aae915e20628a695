import type { Provider } from '../config/config.ts';

/** Where the gateway sends what it lets through, and with whose credentials. */
export interface Upstream {
  /** May carry a path prefix, to which `/v1/messages` is appended. */
  readonly baseUrl: string;
  /** The credentials. They replace what the request carried under the same names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The upstream of a configured provider: an API key goes as `x-api-key`, a token as `Authorization: Bearer`. */
export function toUpstream(provider: Extract<Provider, { kind: 'anthropic' }>): Upstream {
  return {
    baseUrl: provider.baseUrl,
    headers: {
      ...(provider.apiKey === null ? {} : { 'x-api-key': provider.apiKey }),
      ...(provider.authToken === null ? {} : { authorization: `Bearer ${provider.authToken}` }),
    },
  };
}
