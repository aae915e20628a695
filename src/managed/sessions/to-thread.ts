import { toCustomToolName } from '../../core/custom-tools.ts';
import { toDefinition } from '../agents/to-definition.ts';
import { toThreadId, type ManagedSession } from './session.ts';
import type { Thread } from '../log/turn-state.ts';

/** Returns what the log of a session needs to know of it. */
export function toThread(session: ManagedSession): Thread {
  const { tools, ask } = toDefinition(session.agent);
  return {
    id: toThreadId(session),
    agentName: session.agent.name,
    permissionOf(tool) {
      if (names(ask, tool)) return 'ask';
      return names(tools, tool) || isOfConfig(session) ? 'allow' : 'deny';
    },
    isCustom: (tool) => toCustomToolName(tool) !== null && !isOfConfig(session),
  };
}

/** An agent of the configuration may have tools that clients have no names for. */
function isOfConfig({ agentId }: ManagedSession): boolean {
  return agentId.startsWith('agent_config_');
}

/** Returns whether a list has a tool, or the MCP server that it is of. */
function names(list: readonly string[], tool: string): boolean {
  return list.some((name) => name === tool || (name.startsWith('mcp__') && tool.startsWith(`${name}__`)));
}
