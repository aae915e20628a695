import { createBedrockClient } from './bedrock-client.ts';
import type { GatewayLog } from './gateway-log.ts';
import { createMessagesClient } from './messages-client.ts';
import type { UpstreamClient } from './upstream-client.ts';
import type { Upstream } from './upstream.ts';
import { createVertexClient } from './vertex-client.ts';

/** Creates the client for `upstream`. Details that must not reach an agent's process go to `log`. */
export function createUpstreamClient(upstream: Upstream, log: GatewayLog): UpstreamClient {
  if (upstream.kind === 'bedrock') return createBedrockClient(upstream, log);
  if (upstream.kind === 'vertex') return createVertexClient(upstream, log);
  return createMessagesClient(upstream);
}
