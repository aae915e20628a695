import type { McpServer } from '../../config/mcp-server.ts';

/** The host and port of an MCP server that uses HTTP. IPv6 addresses have no brackets. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Finds the addresses of the MCP servers that use HTTP. */
export function findServerAddresses(servers: readonly McpServer[]): ServerAddress[] {
  return servers.flatMap((server) => {
    if (server.type !== 'http' && server.type !== 'sse') return [];
    const url = URL.parse(server.url);
    if (url === null) return [];
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    return [{ host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port }];
  });
}

/**
 * Finds those on this machine, which an agent reaches through its own loopback. Servers may share a port, with different
 * paths: it is in the list once.
 */
export function findLoopbackServers(servers: readonly McpServer[]): ServerAddress[] {
  const local = findServerAddresses(servers).filter(({ host }) => LOOPBACK.has(host));
  return [...new Map(local.map((server) => [server.port, server])).values()];
}

/** The hosts that clients do not ask the proxy for. */
export const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);
