import type { McpSdkServerConfigWithInstance } from '@anthropic-ai/claude-agent-sdk';
import { z } from 'zod';
import { toCustomToolName, type CustomTool } from '../core/custom-tools.ts';
import type { ToolRun } from './tool-hooks.ts';

/**
 * Makes a server of tools that runs in the worker itself, with the Agent SDK's `createSdkMcpServer`. Called once for
 * each process, because a server serves one process. `run()` returns the run that a tool is called for; it throws when
 * there is none.
 */
export type CreateMcpServer = (context: { readonly run: () => ToolRun }) => McpSdkServerConfigWithInstance;

/** An MCP server, with every variable read. */
export type McpServer = { readonly name: string; readonly isRequired: boolean } & (
  | {
      readonly type: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly type: 'http' | 'sse'; readonly url: string; readonly headers: Readonly<Record<string, string>> }
  | { readonly type: 'inProcess'; readonly create: CreateMcpServer }
  /** The tools that the client of the agent runs. Only agents that clients define have it. */
  | { readonly type: 'custom'; readonly tools: readonly CustomTool[] }
);

/** Returns whether the client runs a tool, by Claude Code's name. */
export function isCustomTool(servers: readonly McpServer[], tool: string): boolean {
  const custom = toCustomToolName(tool);
  return servers.some((server) => server.type === 'custom' && server.tools.some(({ name }) => name === custom));
}

const texts = (what: string) => z.record(z.string(), z.string('must be a text'), what);

export const mcpServerSchema = z.strictObject({
  /** Transport of the server. Defaults to `stdio` with a `command`, `http` with a `url`. */
  type: z.enum(['stdio', 'http', 'sse'], 'must be "stdio", "http" or "sse"').optional(),
  /**
   * Program to start, for a server that uses its standard input and output. It lives as long as the run's process.
   * Defaults to none.
   */
  command: z.string('must be a program').min(1, 'must be a program').optional(),
  /** Arguments of the program. Every user of the machine can read them: no secrets. Defaults to none. */
  args: z.array(z.string('must be a text'), 'must be a list of texts').optional(),
  /**
   * Environment variables of the program; `${NAME}` in a value is replaced by a variable of the worker. Defaults to
   * none.
   */
  env: texts('must be an object of texts').optional(),
  /** Address of a server that uses HTTP; `${NAME}` is replaced as in `env`. Defaults to none. */
  url: z.string('must be a URL').min(1, 'must be a URL').optional(),
  /** Headers sent with every request to the server; `${NAME}` is replaced as in `env`. Defaults to none. */
  headers: texts('must be an object of texts').optional(),
  /** Function that makes a server in the worker itself, with `createSdkMcpServer`. Defaults to none. */
  create: z
    .custom<CreateMcpServer>((value) => typeof value === 'function', 'must be a function that makes the server')
    .meta({ title: 'function' })
    .optional(),
  /**
   * Set to false to start a run although the server is not connected. Otherwise the run fails with `mcp_server_failed`.
   * Defaults to true.
   */
  required: z.boolean('must be true or false').optional(),
});
