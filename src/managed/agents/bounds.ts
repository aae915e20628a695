import type { Agent, Config } from '../../config/config.ts';
import { isAllowedMcpUrl } from '../../config/narrow-agent.ts';
import { MCP_SERVER_NAME } from '../../config/option-values.ts';
import { CUSTOM_SERVER } from '../../core/custom-tools.ts';
import { mergePrices, priceOf, type PriceOverrides } from '../../core/pricing.ts';
import { invalid } from '../error.ts';
import type { AgentSnapshot, AgentToolset, McpServerDefinition } from './agent-snapshot.ts';
import { findEnabled, findSetting } from './agent-toolset.ts';
import { includesTool, TOOL_NAMES } from './tool-names.ts';

/** The limits that the configuration sets to agents that clients define. */
export interface Bounds {
  /** The agent of the configuration that a definition narrows. */
  readonly template: Agent;
  /** Ids of models; null: any model with a known price. */
  readonly models: readonly string[] | null;
  /** Hosts of MCP servers, in lower case. */
  readonly mcpHosts: readonly string[];
  readonly prices: PriceOverrides;
}

/** @throws {ManagedError} when the configuration has no place for agents of clients. */
export function toBounds({ agents, managedAgents, prices, providers }: Config): Bounds {
  const template = agents.get(managedAgents?.template ?? '');
  if (managedAgents === null || template === undefined) {
    throw invalid('Agents cannot be defined here: the configuration of this Longhaul has no managedAgents.');
  }
  const { models, mcpHosts } = managedAgents;
  const provider = providers.get(template.provider);
  const own = provider === undefined || provider.kind === 'scripted' ? undefined : provider.prices;
  return { template, models, mcpHosts, prices: mergePrices(prices, own ?? {}) };
}

/**
 * Checks that an agent stays within the bounds, and that its MCP servers and their toolsets belong together.
 * @throws {ManagedError} with a sentence that names what is allowed.
 */
export function checkBounds(agent: AgentSnapshot, bounds: Bounds): void {
  checkModel(agent.model.id, bounds);
  for (const tool of agent.tools) {
    if (tool.type === 'agent_toolset_20260401') checkTools(tool, bounds);
  }
  checkCount(agent.tools);
  checkServers(agent);
  for (const [index, server] of agent.mcp_servers.entries()) checkServer(server, { index, bounds });
}

/** Returns whether a client's agent may name a model. */
export function isAllowedModel(id: string, { models, prices }: Bounds): boolean {
  return models === null ? priceOf(id, prices) !== null : models.includes(id);
}

function checkModel(id: string, bounds: Bounds): void {
  if (isAllowedModel(id, bounds)) return;
  const { models } = bounds;
  if (models !== null) {
    throw invalid(`model: ${JSON.stringify(id)} is not allowed here. Allowed: ${list(models)}.`);
  }
  throw invalid(
    `model: the price of ${JSON.stringify(id)} is unknown, so its cost cannot be limited. ` +
      'Use a model of the price list, or add its price to the configuration (prices).',
  );
}

function checkTools(toolset: AgentToolset, { template }: Bounds): void {
  const enabled = findEnabled(toolset);
  const excess = enabled.filter((name) => !includesTool(template.tools, name));
  if (excess.length > 0) {
    const allowed = list(TOOL_NAMES.filter((name) => includesTool(template.tools, name)));
    throw invalid(`tools: ${list(excess)} cannot be enabled here. Allowed: ${allowed}.`);
  }
  const loose = enabled.filter(
    (name) => includesTool(template.ask, name) && findSetting(toolset, name).permission_policy.type === 'always_allow',
  );
  if (loose.length === 0) return;
  throw invalid(`tools: ${list(loose)} cannot be always_allow here. Allowed: always_ask.`);
}

/** Most tools that are named, with those of the agent toolset: a toolset of an MCP server may have further ones. */
const MAX_TOOLS = 128;

function checkCount(tools: AgentSnapshot['tools']): void {
  const counts = tools.map((tool) => {
    if (tool.type === 'agent_toolset_20260401') return findEnabled(tool).length;
    return tool.type === 'custom' ? 1 : tool.configs.filter(({ enabled }) => enabled).length;
  });
  const count = counts.reduce((sum, one) => sum + one, 0);
  if (count > MAX_TOOLS) throw invalid(`tools: has ${count} tools in all. Allowed: ${MAX_TOOLS}.`);
}

function checkServers({ mcp_servers: servers, tools }: AgentSnapshot): void {
  const names = servers.map(({ name }) => name);
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double !== undefined) throw invalid(`mcp_servers: has the name ${JSON.stringify(double)} twice`);
  const used = tools.flatMap((tool) => (tool.type === 'mcp_toolset' ? [tool.mcp_server_name] : []));
  const unknown = used.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalid(`tools: an mcp_toolset names ${JSON.stringify(unknown)}, which is not in mcp_servers`);
  }
  const unused = names.find((name) => !used.includes(name));
  if (unused === undefined) return;
  throw invalid(`mcp_servers: ${JSON.stringify(unused)} is unused; add an mcp_toolset with its name to tools`);
}

/** Names of servers that Longhaul itself adds. */
const RESERVED_NAMES = [CUSTOM_SERVER];

function checkServer({ name, url }: McpServerDefinition, { index, bounds }: { index: number; bounds: Bounds }): void {
  const at = `mcp_servers[${index}]`;
  const { template, mcpHosts } = bounds;
  if (!MCP_SERVER_NAME.test(name)) {
    throw invalid(
      `${at}.name: must be a letter, then up to 31 letters, digits, "_" or "-", with no "_" at its end and no two in a row`,
    );
  }
  const taken = [...RESERVED_NAMES, ...template.mcpServers.map((server) => server.name)];
  if (taken.includes(name)) throw invalid(`${at}.name: ${JSON.stringify(name)} is taken; choose another name`);
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw invalid(`${at}.url: must be an http or https URL`);
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalid(`${at}.url: must have no user and password, which every reader of the agent would see`);
  }
  if (url.includes('${')) throw invalid(`${at}.url: must have no variables`);
  if (isAllowedMcpUrl(url, mcpHosts)) return;
  throw invalid(`${at}.url: the host ${parsed.hostname} is not allowed here. Allowed: ${list(mcpHosts)}.`);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
