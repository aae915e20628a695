import type { AgentDefinition } from '../../core/agent-definition.ts';
import type { CustomTool as CustomToolDefinition } from '../../core/custom-tools.ts';
import type { AgentSnapshot, AgentToolset, CustomTool, McpToolset, Tool, ToolSetting } from './agent-snapshot.ts';
import { findEnabled, findSetting } from './agent-toolset.ts';
import { withoutNulls } from './check-input-schema.ts';
import { TOOL_NAMES } from '../tool-names.ts';

/** Returns the definition that the worker makes an agent of. */
export function toDefinition(agent: AgentSnapshot): AgentDefinition {
  const tools = agent.tools.flatMap(toNamedSettings);
  return {
    model: agent.model.id,
    systemPrompt: agent.system,
    effort: agent.model.effort.type,
    tools: tools.map(({ name }) => name),
    ask: tools.filter(({ setting }) => setting.permission_policy.type === 'always_ask').map(({ name }) => name),
    mcpServers: agent.mcp_servers.map(({ name, url }) => ({ name, url })),
    customTools: agent.tools.filter((tool) => tool.type === 'custom').map(toCustomTool),
  };
}

function toCustomTool({ name, description, input_schema: schema }: CustomTool): CustomToolDefinition {
  return { name, description, inputSchema: withoutNulls(schema) };
}

/** An enabled tool, by Claude Code's name. */
interface NamedSetting {
  readonly name: string;
  readonly setting: ToolSetting;
}

function toNamedSettings(tool: Tool): NamedSetting[] {
  if (tool.type === 'agent_toolset_20260401') return toOwnTools(tool);
  return tool.type === 'mcp_toolset' ? toServerTools(tool) : [];
}

function toOwnTools(toolset: AgentToolset): NamedSetting[] {
  return findEnabled(toolset).map((name) => ({ name: TOOL_NAMES[name], setting: findSetting(toolset, name) }));
}

/** `resolveTools` rejects exceptions from an enabled default that this form could not express. */
function toServerTools({ mcp_server_name: server, default_config: defaults, configs }: McpToolset): NamedSetting[] {
  const all = defaults.enabled ? [{ name: `mcp__${server}`, setting: defaults }] : [];
  const named = configs
    .filter(({ enabled }) => enabled)
    .map((config) => ({ name: `mcp__${server}__${toToolPart(config.name)}`, setting: config }));
  return [...all, ...named];
}

/** Claude Code replaces the other characters in the names of MCP tools. */
function toToolPart(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
}
