/** Tools of the agent toolset, by the names of Claude Managed Agents, with those of Claude Code. */
export const TOOL_NAMES = {
  bash: 'Bash',
  read: 'Read',
  write: 'Write',
  edit: 'Edit',
  glob: 'Glob',
  grep: 'Grep',
  web_fetch: 'WebFetch',
  web_search: 'WebSearch',
} as const;

const MANAGED_NAMES = new Map<string, string>([
  ...Object.entries(TOOL_NAMES).map(([managed, own]): [string, string] => [own, managed]),
  ['MultiEdit', 'edit'],
]);

/** A tool as events name it. */
export interface ManagedTool {
  readonly name: string;
  /** Null: not a tool of an MCP server. */
  readonly server: string | null;
}

/** Maps a tool of Claude Code. `mcp__SERVER__TOOL` is the tool of an MCP server; an unknown tool keeps its name. */
export function toManagedTool(name: string): ManagedTool {
  const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? [];
  if (server !== undefined && tool !== undefined) return { name: tool, server };
  return { name: MANAGED_NAMES.get(name) ?? name, server: null };
}
