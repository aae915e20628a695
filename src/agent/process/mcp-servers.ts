import { setTimeout as delay } from 'node:timers/promises';
import type { McpServerConfig, Query } from '@anthropic-ai/claude-agent-sdk';
import type { Agent } from '../../config/config.ts';
import { isListedTool } from '../../config/resolve-tools.ts';
import type { McpServer } from '../../config/mcp-server.ts';
import type { ToolRun } from '../../config/tool-hooks.ts';
import { toMessage } from '../../core/errors.ts';
import { toStorable } from '../../core/text.ts';
import type { Breach, Refusal } from '../outcome/agent-outcome.ts';
import type { CustomResults } from '../tools/custom-results.ts';
import { createCustomServer } from './custom-server.ts';

/** Claude Code itself waits for servers, up to `MCP_TIMEOUT`; a remote server that is still pending gets 5 s more. */
const POLL_EVERY_MS = 100;
const MAX_POLLS = 50;

interface ServerContext {
  /** Returns the run that a tool is called for. */
  readonly run: () => ToolRun;
  readonly customResults: Pick<CustomResults, 'take'>;
}

/** Converts an agent's MCP servers for the SDK, or returns the reason why one could not be created. */
export function toMcpServers(
  { mcpServers }: Agent,
  context: ServerContext,
): { readonly servers: Readonly<Record<string, McpServerConfig>> } | { readonly refusal: Refusal } {
  try {
    return { servers: Object.fromEntries(mcpServers.map((server) => [server.name, toMcpServer(server, context)])) };
  } catch (error) {
    const detail = `an MCP server could not be created: ${toStorable(toMessage(error))}`;
    return { refusal: { status: 'failed', code: 'mcp_server_failed', detail } };
  }
}

function toMcpServer(server: McpServer, { run, customResults }: ServerContext): McpServerConfig {
  switch (server.type) {
    case 'inProcess':
      // Under its name in the config, which the names of its tools contain.
      return { ...server.create({ run }), name: server.name };
    case 'custom':
      return createCustomServer({ tools: server.tools, results: customResults });
    case 'stdio': {
      const { type, command, args, env } = server;
      return { type, command, args: [...args], env: { ...env }, alwaysLoad: true };
    }
    case 'http':
    case 'sse': {
      const { type, url, headers } = server;
      return { type, url, headers: { ...headers }, alwaysLoad: true };
    }
  }
}

/**
 * Checks that a process has the MCP servers that its agent needs, and removes their tools that the agent does not list:
 * the gate would deny them, but the model would still see them. Resolves with the missing servers, or null.
 */
export async function checkMcpServers(agent: Agent, query: Query): Promise<Breach | null> {
  if (agent.mcpServers.length === 0) return null;
  let servers = await query.mcpServerStatus();
  for (let polls = 0; polls < MAX_POLLS && servers.some(({ status }) => status === 'pending'); polls++) {
    await delay(POLL_EVERY_MS);
    servers = await query.mcpServerStatus();
  }
  const missing = agent.mcpServers.flatMap(({ name, isRequired }) => {
    const found = servers.find((server) => server.name === name);
    if (!isRequired || found?.status === 'connected') return [];
    return [`${name}: ${found?.status ?? 'not loaded'}${found?.error === undefined ? '' : `, ${found.error}`}`];
  });
  if (missing.length > 0) {
    return { code: 'mcp_server_failed', detail: `MCP servers are not connected: ${missing.join('; ')}` };
  }
  const unlisted = servers.flatMap(({ name, tools = [] }) =>
    tools.map((tool) => `mcp__${name}__${tool.name}`).filter((tool) => !isListedTool(agent.tools, tool)),
  );
  if (unlisted.length > 0) await query.applyFlagSettings({ permissions: { deny: unlisted } });
  return null;
}
