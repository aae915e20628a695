import type { AnthropicProvider, BedrockProvider, Provider, VertexProvider } from '../config/config.ts';

/** Where the gateway sends what it lets through, and with whose credentials. */
export type Upstream = MessagesUpstream | BedrockProvider | VertexProvider;

/** Anything that speaks the Messages API: answers pass byte for byte. */
export interface MessagesUpstream {
  readonly kind?: 'anthropic';
  /** May carry a path prefix, to which `/v1/messages` is appended. */
  readonly baseUrl: string;
  /** The credentials, and what else goes with each request. They replace what it carried under the same names. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is asked for in place of a model's name. Defaults to none. */
  readonly models?: Readonly<Record<string, string>>;
  /** The proxy on the way there. Defaults to null, none. */
  readonly proxy?: string | null;
}

/** The upstream of a configured provider: an API key goes as `x-api-key`, a token as `Authorization: Bearer`. */
export function toUpstream(provider: Exclude<Provider, { kind: 'scripted' }>): Upstream {
  return provider.kind === 'anthropic' ? toMessagesUpstream(provider) : provider;
}

function toMessagesUpstream(provider: AnthropicProvider): MessagesUpstream {
  const { kind, baseUrl, apiKey, authToken, headers, models, proxy } = provider;
  return {
    kind,
    baseUrl,
    headers: {
      ...(apiKey === null ? {} : { 'x-api-key': apiKey }),
      ...(authToken === null ? {} : { authorization: `Bearer ${authToken}` }),
      ...headers,
    },
    models,
    proxy,
  };
}
