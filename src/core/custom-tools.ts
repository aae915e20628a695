/** The name of the MCP server that has the tools which clients run. No definition may name another server so. */
export const CUSTOM_SERVER = 'custom';

/** A tool that the client of an agent runs: the agent waits for its result. */
export interface CustomTool {
  readonly name: string;
  readonly description: string;
  /** A JSON schema with the type `object`. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

/** A block of a result as the client has sent it. */
export type CustomToolBlock =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image';
      readonly source: { readonly type: 'base64'; readonly media_type: string; readonly data: string };
    }
  | {
      readonly type: 'document';
      readonly source: { readonly type: 'text'; readonly media_type: 'text/plain'; readonly data: string };
      readonly title?: string | null | undefined;
      readonly context?: string | null | undefined;
    }
  | {
      readonly type: 'search_result';
      readonly source: string;
      readonly title: string;
      readonly content: readonly { readonly type: 'text'; readonly text: string }[];
      readonly citations: { readonly enabled: boolean };
    };

/** The result of a tool that the client has run. */
export interface CustomToolResult {
  readonly content: readonly CustomToolBlock[];
  readonly isError: boolean;
}

/** Returns the name of a custom tool that Claude Code calls by this name; null for any other tool. */
export function toCustomToolName(tool: string): string | null {
  const prefix = `mcp__${CUSTOM_SERVER}__`;
  return tool.startsWith(prefix) && tool.length > prefix.length ? tool.slice(prefix.length) : null;
}
