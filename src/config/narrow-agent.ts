import type { AgentDefinition } from '../core/agent-definition.ts';
import { CUSTOM_SERVER } from '../core/custom-tools.ts';
import type { Agent } from './config.ts';
import type { McpServer } from './mcp-server.ts';
import { MCP_SERVER_NAME, TOOL_NAME } from './option-values.ts';
import { isListedTool, SUBAGENT_TOOLS, toServerName } from './resolve-tools.ts';

/**
 * Returns the agent that a client has defined: its template with the model, the prompt and the effort of the definition,
 * and with the tools that both allow. It never exceeds its template, whatever the definition says: the configuration may
 * have changed since the definition was accepted. Tools that the client runs are the exception: they do nothing here.
 * `mcpHosts`: hosts of the MCP servers that the definition may add.
 */
export function narrowAgent(template: Agent, definition: AgentDefinition, mcpHosts: readonly string[]): Agent {
  const servers = toOwnServers(template, definition, mcpHosts);
  const allowed = [...template.tools, ...servers.map(({ name }) => `mcp__${name}`)];
  // The list of tools becomes one argument of Claude Code: a name with a comma would be two.
  const named = definition.tools.filter((tool) => TOOL_NAME.test(tool) && toServerName(tool) !== CUSTOM_SERVER);
  const tools = toCommonTools(named, allowed);
  const hasSubagents = tools.some((tool) => SUBAGENT_TOOLS.includes(tool));
  const custom = toCustomServers(definition);
  return {
    ...template,
    model: definition.model,
    systemPrompt: definition.systemPrompt ?? template.systemPrompt,
    effort: definition.effort ?? template.effort,
    tools: [...tools, ...custom.map(({ name }) => `mcp__${name}`)],
    // The template's are never lifted.
    ask: toCommonTools(tools, [...definition.ask, ...template.ask]),
    mcpServers: [
      ...[...template.mcpServers, ...servers].filter(({ name }) => tools.some((tool) => toServerName(tool) === name)),
      ...custom,
    ],
    subagents: hasSubagents
      ? template.subagents.map((subagent) => ({ ...subagent, tools: toCommonTools(subagent.tools, tools) }))
      : [],
    // Its processes are started for one definition.
    isReused: false,
  };
}

/** Returns whether a definition may add an MCP server with this URL. `mcpHosts`: the allowed hosts, in lower case. */
export function isAllowedMcpUrl(url: string, mcpHosts: readonly string[]): boolean {
  const parsed = URL.parse(url);
  // Claude Code could put a variable in its place, and the URL could then have another host.
  if (parsed === null || url.includes('${')) return false;
  return /^https?:$/.test(parsed.protocol) && mcpHosts.includes(parsed.hostname.replace(/^\[(.*)\]$/, '$1'));
}

/** Returns the servers that the definition adds. A server of the template keeps its name, even if it is not used. */
function toOwnServers(template: Agent, definition: AgentDefinition, mcpHosts: readonly string[]): McpServer[] {
  const taken = new Set([CUSTOM_SERVER, ...template.mcpServers.map(({ name }) => name)]);
  return definition.mcpServers.flatMap(({ name, url }): McpServer[] => {
    if (taken.has(name) || !MCP_SERVER_NAME.test(name) || !isAllowedMcpUrl(url, mcpHosts)) return [];
    taken.add(name);
    return [{ name, isRequired: true, type: 'http', url, headers: {} }];
  });
}

/** Returns the server of the tools that the client runs, if the definition has any. */
function toCustomServers({ customTools: tools = [] }: AgentDefinition): McpServer[] {
  return tools.length === 0 ? [] : [{ name: CUSTOM_SERVER, isRequired: true, type: 'custom', tools }];
}

/** Returns the tools that are in both lists; of an MCP server in one and a tool of it in the other, the tool. */
function toCommonTools(one: readonly string[], other: readonly string[]): string[] {
  const common = [
    ...one.filter((tool) => isListedTool(other, tool)),
    ...other.filter((tool) => isListedTool(one, tool)),
  ];
  return [...new Set(common)];
}
