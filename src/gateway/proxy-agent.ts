import type { Agent, ClientRequest } from 'node:http';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { guarded } from '../core/guard.ts';

/** Creates an agent that reaches addresses of one protocol through a proxy, over kept connections. */
export function createProxyAgent({ protocol, proxy }: { protocol: string; proxy: string }): Agent {
  if (protocol === 'http:') return new HttpProxyAgent(proxy, { keepAlive: true });
  const agent = new HttpsProxyAgent(proxy, { keepAlive: true });
  // Otherwise the proxy's own answer would be taken for the provider's.
  const onProxyConnect = guarded(({ statusCode }: { statusCode: number }, request: ClientRequest) => {
    if (statusCode !== 200) request.destroy(toProxyError(statusCode));
  });
  agent.on('proxyConnect', onProxyConnect);
  return agent;
}

function toProxyError(status: number): Error {
  const hint = status === 407 ? ': it requires a user and password in HTTPS_PROXY' : '';
  return Object.assign(new Error(`The proxy answered with status ${status}${hint}.`), { code: `ERR_PROXY_${status}` });
}
