import type { Agent } from '../../config/config.ts';
import { invalid, notSupported } from '../error.ts';
import type { AgentToolset, McpToolset, PermissionPolicy, Tool, ToolConfig, ToolSetting } from './agent-snapshot.ts';
import { includesTool, TOOL_NAMES, type ToolName } from './tool-names.ts';
import type { AgentToolsetInput, McpToolsetInput, ToolInput } from './tool-schema.ts';

interface SettingInput {
  readonly enabled?: boolean | null | undefined;
  readonly permission_policy?: { readonly type: PermissionPolicy['type'] | 'auto' } | null | undefined;
}

/** The tools of the agent that a definition narrows, by Claude Code's names. */
type Allowed = Pick<Agent, 'tools' | 'ask'>;

/**
 * Returns tools with every default in place. A tool that the template lacks is disabled, and a tool for which the
 * template asks is asked for, unless the client has set it otherwise by name: `checkBounds` rejects that.
 * @throws {ManagedError} for two entries of the same thing; `not_supported` for options that Longhaul cannot keep.
 */
export function resolveTools(tools: readonly ToolInput[], template: Allowed): Tool[] {
  refuseDoubles(tools);
  return tools.map((tool, index) => {
    const at = `tools[${index}]`;
    if (tool.type === 'agent_toolset_20260401') return resolveAgentToolset(tool, { at, template });
    if (tool.type === 'mcp_toolset') return resolveMcpToolset(tool, at);
    return tool;
  });
}

function resolveAgentToolset(
  { type, default_config: given, configs }: AgentToolsetInput,
  { at, template }: { at: string; template: Allowed },
): AgentToolset {
  const usual = { enabled: true, permission_policy: { type: 'always_allow' } } as const;
  const defaults = resolveSetting(given, { at: `${at}.default_config`, usual });
  const named = (configs ?? []).map((config, index) => {
    const place = `${at}.configs[${index}]`;
    refuseFilters(config, place);
    const usual = narrow(config.name, { defaults, template });
    return toToolConfig(config.name, resolveSetting(config, { at: place, usual }));
  });
  refuseDoubleNames(named, at);
  const others = TOOL_NAMES.filter((name) => !named.some((config) => config.name === name));
  const narrowed = (defaults.enabled ? others : []).flatMap((name) => {
    const setting = narrow(name, { defaults, template });
    return setting === defaults ? [] : [toToolConfig(name, setting)];
  });
  return { type, default_config: defaults, configs: [...named, ...narrowed] };
}

/** Returns the default for a tool within the bounds of the template: `defaults` itself when these are within them. */
function narrow(name: ToolName, { defaults, template }: { defaults: ToolSetting; template: Allowed }): ToolSetting {
  const isLacking = defaults.enabled && !includesTool(template.tools, name);
  const isLoose = defaults.permission_policy.type === 'always_allow' && includesTool(template.ask, name);
  if (!isLacking && !isLoose) return defaults;
  return {
    enabled: defaults.enabled && !isLacking,
    permission_policy: isLoose ? { type: 'always_ask' } : defaults.permission_policy,
  };
}

function resolveMcpToolset(toolset: McpToolsetInput, at: string): McpToolset {
  const { type, mcp_server_name, default_config: given, configs } = toolset;
  const usual = { enabled: true, permission_policy: { type: 'always_ask' } } as const;
  const defaults = resolveSetting(given, { at: `${at}.default_config`, usual });
  const named = (configs ?? []).map((config, index) => {
    const place = `${at}.configs[${index}]`;
    const setting = resolveSetting(config, { at: place, usual: defaults });
    if (defaults.enabled) refuseException(setting, { defaults, place });
    return { name: config.name, ...setting };
  });
  refuseDoubleNames(named, at);
  return { type, mcp_server_name, default_config: defaults, configs: named };
}

/** A definition names all tools of a server, or single ones: it cannot name all of them with an exception. */
function refuseException(
  { enabled, permission_policy: policy }: ToolSetting,
  { defaults, place }: { defaults: ToolSetting; place: string },
): void {
  const isLooser = policy.type === 'always_allow' && defaults.permission_policy.type === 'always_ask';
  if (enabled && !isLooser) return;
  throw notSupported(
    `${place}.${enabled ? 'permission_policy' : 'enabled'}`,
    `${enabled ? 'An always allowed' : 'A disabled'} tool among all tools of an MCP server ` +
      '(set default_config.enabled to false and enable each tool in configs)',
  );
}

function resolveSetting(
  given: SettingInput | null | undefined,
  { at, usual }: { at: string; usual: ToolSetting },
): ToolSetting {
  const policy = given?.permission_policy?.type ?? usual.permission_policy.type;
  if (policy === 'auto') throw notSupported(`${at}.permission_policy`, 'The permission policy "auto"');
  return { enabled: given?.enabled ?? usual.enabled, permission_policy: { type: policy } };
}

/** Makes the form of a tool that clients expect, in which `web_fetch` has a field more. */
export function toToolConfig(name: ToolName, setting: ToolSetting): ToolConfig {
  return { type: name, name, ...setting, ...(name === 'web_fetch' && { url_sources: null }) };
}

const FILTERS = ['allowed_domains', 'blocked_domains', 'url_sources', 'max_content_tokens', 'user_location'];

/** A filter is a promise of safety: Longhaul does not hold the web tools to it, so it is not accepted either. */
function refuseFilters(config: Readonly<Record<string, unknown>>, at: string): void {
  const filter = FILTERS.find((name) => config[name] !== undefined && config[name] !== null);
  if (filter !== undefined) throw notSupported(`${at}.${filter}`);
}

function refuseDoubleNames(configs: readonly { readonly name: string }[], at: string): void {
  const double = findDouble(configs.map(({ name }) => name));
  if (double !== null) throw invalid(`${at}.configs: names ${double} twice`);
}

function refuseDoubles(tools: readonly ToolInput[]): void {
  const names = tools.map((tool) => {
    if (tool.type === 'mcp_toolset') return `the toolset of the MCP server ${tool.mcp_server_name}`;
    return tool.type === 'custom' ? `the custom tool ${tool.name}` : tool.type;
  });
  const double = findDouble(names);
  if (double !== null) throw invalid(`tools: has ${double} twice`);
}

function findDouble(names: readonly string[]): string | null {
  return names.find((name, index) => names.indexOf(name) !== index) ?? null;
}
