import type { AnthropicProvider, BedrockProvider, Provider, VertexProvider } from '../config/config.ts';

/** Where the gateway sends what it lets through, and with whose credentials. */
export type Upstream = MessagesUpstream | BedrockProvider | VertexProvider;

/** Anything that speaks the Messages API: answers pass byte for byte. */
export interface MessagesUpstream {
  readonly kind?: 'anthropic';
  /** May carry a path prefix, to which `/v1/messages` is appended. */
  readonly baseUrl: string;
  /** The credentials. They replace what the request carried under the same names. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is asked for in place of a model's name. Defaults to none. */
  readonly models?: Readonly<Record<string, string>>;
}

/** The upstream of a configured provider: an API key goes as `x-api-key`, a token as `Authorization: Bearer`. */
export function toUpstream(provider: Exclude<Provider, { kind: 'scripted' }>): Upstream {
  return provider.kind === 'anthropic' ? toMessagesUpstream(provider) : provider;
}

function toMessagesUpstream({ kind, baseUrl, apiKey, authToken, models }: AnthropicProvider): MessagesUpstream {
  return {
    kind,
    baseUrl,
    headers: {
      ...(apiKey === null ? {} : { 'x-api-key': apiKey }),
      ...(authToken === null ? {} : { authorization: `Bearer ${authToken}` }),
    },
    models,
  };
}
