import type { Agent, Config } from '../../config/config.ts';
import { withoutHealthAgent } from '../../config/health-agent.ts';
import type { AgentSnapshot, ToolSetting } from './agent-snapshot.ts';
import { toToolConfig } from './resolve-tools.ts';
import type { StoredAgent } from './stored-agent.ts';
import { includesTool, TOOL_NAMES } from './tool-names.ts';

const PREFIX = 'agent_config_';

/** A fixed time: the configuration does not record when its agents were written or changed. */
const WRITTEN_AT = new Date(0);

/** Returns whether an id is that of an agent of the configuration, which clients cannot change. */
export function isConfigAgentId(id: string): boolean {
  return id.startsWith(PREFIX);
}

/** Returns the agents of the configuration, by name. */
export function listConfigAgents({ agents }: Config): StoredAgent[] {
  return withoutHealthAgent(agents)
    .map(toStored)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Finds the agent of the configuration with this id; null when there is none. */
export function findConfigAgent(config: Config, id: string): StoredAgent | null {
  return listConfigAgents(config).find((agent) => agent.id === id) ?? null;
}

function toStored(agent: Agent): StoredAgent {
  return {
    id: `${PREFIX}${agent.name}`,
    version: 1,
    agent: toSnapshot(agent),
    configName: agent.name,
    createdAt: WRITTEN_AT,
    updatedAt: WRITTEN_AT,
    archivedAt: null,
  };
}

/**
 * Leaves out the system prompt and the MCP servers, whose addresses may hold credentials: any reader of runs may read
 * agents here, and could not read these before.
 */
function toSnapshot({ name, model, effort, tools, ask }: Agent): AgentSnapshot {
  const own = TOOL_NAMES.filter((tool) => includesTool(tools, tool));
  const none: ToolSetting = { enabled: false, permission_policy: { type: 'always_allow' } };
  const configs = own.map((tool) => {
    const isAsked = includesTool(ask, tool);
    return toToolConfig(tool, { enabled: true, permission_policy: { type: isAsked ? 'always_ask' : 'always_allow' } });
  });
  return {
    type: 'agent',
    name,
    model: { id: model, effort: { type: effort }, speed: 'standard' },
    system: null,
    description: null,
    tools: own.length === 0 ? [] : [{ type: 'agent_toolset_20260401', default_config: none, configs }],
    mcp_servers: [],
    skills: [],
    multiagent: null,
    execution_identity: { type: 'service_account' },
    metadata: {},
  };
}
