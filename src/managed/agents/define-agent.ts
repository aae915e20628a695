import { notSupported } from '../error.ts';
import type { AgentChange, AgentOverrides, NewAgent } from './agent-schema.ts';
import type { AgentSnapshot } from './agent-snapshot.ts';
import type { Bounds } from './bounds.ts';
import { mergeMetadata } from './metadata.ts';
import { resolveModel } from './resolve-model.ts';
import { resolveTools } from './resolve-tools.ts';

/** Returns a new agent with every default in place. `checkBounds` checks it. */
export function defineAgent(given: NewAgent, bounds: Bounds): AgentSnapshot {
  refuseUnsupported(given);
  return {
    type: 'agent',
    name: given.name,
    model: resolveModel(given.model, { usualEffort: bounds.template.effort }),
    system: orNull(given.system),
    description: orNull(given.description),
    tools: resolveTools(given.tools ?? [], bounds.template),
    mcp_servers: given.mcp_servers ?? [],
    skills: [],
    multiagent: null,
    execution_identity: { type: 'service_account' },
    metadata: mergeMetadata({}, given.metadata),
  };
}

/**
 * Returns an agent with a change applied: a field that is left out stays, null and the empty text clear, a list replaces
 * the whole list, metadata is merged. `checkBounds` checks the result.
 */
export function changeAgent(agent: AgentSnapshot, change: AgentChange, bounds: Bounds): AgentSnapshot {
  refuseUnsupported(change);
  const { name = agent.name, description, metadata, model } = change;
  return {
    ...replaceParts(agent, change, bounds),
    ...(model !== undefined && {
      model: resolveModel(model, { replaced: agent.model, usualEffort: bounds.template.effort }),
    }),
    name,
    description: description === undefined ? agent.description : orNull(description),
    metadata: mergeMetadata(agent.metadata, metadata),
  };
}

/** Returns an agent with parts of it replaced for a session: a model comes without the effort of the one before. */
export function overrideAgent(agent: AgentSnapshot, overrides: AgentOverrides, bounds: Bounds): AgentSnapshot {
  refuseUnsupported(overrides);
  const { model } = overrides;
  return {
    ...replaceParts(agent, overrides, bounds),
    ...(model !== undefined && { model: resolveModel(model, { usualEffort: bounds.template.effort }) }),
  };
}

function replaceParts(
  agent: AgentSnapshot,
  { system, tools, mcp_servers: servers }: AgentOverrides,
  bounds: Bounds,
): AgentSnapshot {
  return {
    ...agent,
    system: system === undefined ? agent.system : orNull(system),
    tools: tools === undefined ? agent.tools : resolveTools(tools ?? [], bounds.template),
    mcp_servers: servers === undefined ? agent.mcp_servers : (servers ?? []),
  };
}

type Refusable = Partial<Pick<NewAgent, 'skills' | 'multiagent' | 'execution_identity'>>;

/** A part that Longhaul does not have is refused, never ignored. */
function refuseUnsupported({ skills, multiagent, execution_identity: identity }: Refusable): void {
  if ((skills ?? []).length > 0) throw notSupported('skills');
  if (multiagent !== undefined && multiagent !== null) throw notSupported('multiagent');
  if (identity !== undefined && identity !== null && identity.type !== 'service_account') {
    throw notSupported('execution_identity', `The execution identity ${JSON.stringify(identity.type)}`);
  }
}

function orNull(text: string | null | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
