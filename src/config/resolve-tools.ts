import type { FieldError } from '../core/errors.ts';
import type { Agent } from './config.ts';

/** The tool with which the model delegates work to a subagent. */
const SUBAGENT_TOOL = 'Agent';
/** The tool, and its former name. */
export const SUBAGENT_TOOLS: readonly string[] = [SUBAGENT_TOOL, 'Task'];

const WRITING_TOOLS = new Set(['Bash', 'Write', 'Edit', 'MultiEdit', 'NotebookEdit']);

/**
 * Returns whether the list contains one of Claude Code's own tools that changes files or runs commands. Tools of MCP
 * servers are not judged.
 */
export function canWrite(tools: readonly string[]): boolean {
  return tools.some((tool) => WRITING_TOOLS.has(tool));
}

/**
 * Returns whether a list of tools contains a tool: by its name, or by its MCP server, as `mcp__server` or
 * `mcp__server__*`.
 */
export function isListedTool(tools: readonly string[], name: string): boolean {
  if (tools.includes(name)) return true;
  const server = toServerName(name);
  return server !== null && (tools.includes(`mcp__${server}`) || tools.includes(`mcp__${server}__*`));
}

/** Returns the MCP server of a tool, or null. The name of a server never has two underscores in a row. */
export function toServerName(tool: string): string | null {
  return /^mcp__(.+?)(?:__|$)/.exec(tool)?.[1] ?? null;
}

/** Returns the tools of an agent: the tools it names and, with subagents, the tool that starts them. */
export function resolveTools({ tools, subagents }: { tools: readonly string[]; subagents: object }): string[] {
  const named = tools.filter((tool) => !SUBAGENT_TOOLS.includes(tool));
  return [...new Set(Object.keys(subagents).length === 0 ? tools : [...named, SUBAGENT_TOOL])];
}

/** Returns an error for each name in an agent's lists of tools that does not exist. */
export function findToolErrors(
  agent: Pick<Agent, 'name' | 'tools' | 'ask' | 'subagents' | 'mcpServers'>,
): FieldError[] {
  const { name, tools, ask, subagents, mcpServers } = agent;
  const at = `agents.${name}`;
  const servers = new Set(mcpServers.map((server) => server.name));
  const unknownServers = tools.flatMap((tool) => {
    const server = toServerName(tool);
    if (server === null || servers.has(server)) return [];
    return [{ path: `${at}.tools`, message: `names ${tool}, and mcpServers has no "${server}"` }];
  });
  const unusedServers = [...servers]
    .filter((server) => !tools.some((tool) => toServerName(tool) === server))
    .map((server) => ({
      path: `${at}.mcpServers.${server}`,
      message: `is unused: none of its tools is in tools; add "mcp__${server}" for all of them, or "mcp__${server}__TOOL"`,
    }));
  const orphaned = tools
    .filter((tool) => subagents.length === 0 && SUBAGENT_TOOLS.includes(tool))
    .map((tool) => ({
      path: `${at}.tools`,
      message: `names ${tool}, which starts subagents; define them in subagents`,
    }));
  const unlisted = (path: string, names: readonly string[]) =>
    names
      .filter((tool) => !isListedTool(tools, tool))
      .map((tool) => ({ path, message: `names ${tool}, which is not in the agent's tools` }));
  const nested = subagents
    .filter((subagent) => subagent.tools.some((tool) => SUBAGENT_TOOLS.includes(tool)))
    .map((subagent) => ({
      path: `${at}.subagents.${subagent.name}.tools`,
      message: `names ${SUBAGENT_TOOL}, but a subagent cannot start other subagents`,
    }));
  return [
    ...unknownServers,
    ...unusedServers,
    ...orphaned,
    ...unlisted(`${at}.ask`, ask),
    ...subagents.flatMap((subagent) =>
      unlisted(
        `${at}.subagents.${subagent.name}.tools`,
        subagent.tools.filter((tool) => !SUBAGENT_TOOLS.includes(tool)),
      ),
    ),
    ...nested,
  ];
}
