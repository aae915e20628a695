import type { CustomTool } from './custom-tools.ts';

/** An agent that a client has defined at run time. It narrows the agent of the configuration that is its template. */
export interface AgentDefinition {
  readonly model: string;
  /** Null: the template's. */
  readonly systemPrompt: string | null;
  /** Null: the template's. */
  readonly effort: 'low' | 'medium' | 'high' | null;
  /** Claude Code's names of its tools, and `mcp__SERVER` or `mcp__SERVER__TOOL` for those of MCP servers. */
  readonly tools: readonly string[];
  /** The tools among them that wait for an approval before each use. */
  readonly ask: readonly string[];
  /** MCP servers that are reached by URL. */
  readonly mcpServers: readonly { readonly name: string; readonly url: string }[];
  /** Tools that the client runs. Absent from definitions that are older than such tools: none. */
  readonly customTools?: readonly CustomTool[];
}
