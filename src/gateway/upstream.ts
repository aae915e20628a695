import type { AnthropicProvider, BedrockProvider, Provider, VertexProvider } from '../config/config.ts';
import { PROVIDER_NAMES } from '../core/gen-ai.ts';

/** The destination of the gateway's calls, with its credentials. */
export type Upstream = MessagesUpstream | BedrockProvider | VertexProvider;

/** Any server of the Messages API: answers pass byte for byte. */
export interface MessagesUpstream {
  readonly kind?: 'anthropic';
  /** May have a path prefix, to which `/v1/messages` is appended. */
  readonly baseUrl: string;
  /** The credentials, and other headers of each request. They replace headers of the same names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Model ids to request, by the name that is asked for. Defaults to none. */
  readonly models?: Readonly<Record<string, string>>;
  /** The proxy to use. Defaults to null, none. */
  readonly proxy?: string | null;
}

/**
 * Returns the upstream of a configured provider: an API key is sent as `x-api-key`, a token as `Authorization: Bearer`.
 */
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

/** The facts about an upstream that traces show. */
export interface UpstreamFacts {
  /** Its name in the conventions for generative AI. */
  readonly genAiName: string;
  readonly address: string | null;
  readonly port: number | null;
}

export function toUpstreamFacts({ kind, baseUrl }: Pick<Upstream, 'kind' | 'baseUrl'>): UpstreamFacts {
  const url = URL.parse(baseUrl);
  const port = url === null ? null : Number(url.port) || (url.protocol === 'http:' ? 80 : 443);
  return { genAiName: PROVIDER_NAMES[kind ?? 'scripted'], address: url?.hostname ?? null, port };
}
