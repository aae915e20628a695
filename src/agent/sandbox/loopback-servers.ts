import type { McpServer } from '../../config/mcp-server.ts';

/** An MCP server on this machine, which an agent reaches through its own loopback. */
export interface LoopbackServer {
  readonly host: string;
  readonly port: number;
}

/** Finds the MCP servers whose address is this machine: a sandbox has its own loopback. */
export function findLoopbackServers(servers: readonly McpServer[]): LoopbackServer[] {
  return servers.flatMap((server) => {
    if (server.type !== 'http' && server.type !== 'sse') return [];
    const url = URL.parse(server.url);
    if (url === null || !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) return [];
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    return [{ host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port }];
  });
}
