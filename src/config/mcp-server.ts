import type { McpSdkServerConfigWithInstance } from '@anthropic-ai/claude-agent-sdk';
import { z } from 'zod';
import type { ToolRun } from './tool-hooks.ts';

/**
 * Makes a server of tools that runs in the worker itself, with the Agent SDK's `createSdkMcpServer`. Called for each
 * process: a server serves one. `run()` tells the run that a tool is called for; it throws while there is none.
 */
export type CreateMcpServer = (context: { readonly run: () => ToolRun }) => McpSdkServerConfigWithInstance;

/** A server of tools, with every variable read. */
export type McpServer = { readonly name: string; readonly isRequired: boolean } & (
  | {
      readonly type: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly type: 'http' | 'sse'; readonly url: string; readonly headers: Readonly<Record<string, string>> }
  | { readonly type: 'inProcess'; readonly create: CreateMcpServer }
);

const texts = (what: string) => z.record(z.string(), z.string('must be a text'), what);

export const mcpServerSchema = z.strictObject({
  /** How it is spoken to. Defaults to `stdio` with a `command`, `http` with a `url`. */
  type: z.enum(['stdio', 'http', 'sse'], 'must be "stdio", "http" or "sse"').optional(),
  /** The program to start, for one that speaks over its own input and output. It lives as long as the run's process. Defaults to none. */
  command: z.string('must be a program').min(1, 'must be a program').optional(),
  /** Its arguments. Everyone on the machine can read them: no secrets. Defaults to none. */
  args: z.array(z.string('must be a text'), 'must be a list of texts').optional(),
  /** Its variables; `${NAME}` in one is a variable of the worker's own. Defaults to none. */
  env: texts('must be an object of texts').optional(),
  /** Where a server is that speaks over HTTP; `${NAME}` in it as in `env`. Defaults to none. */
  url: z.string('must be a URL').min(1, 'must be a URL').optional(),
  /** Sent with every request to it; `${NAME}` in one as in `env`. Defaults to none. */
  headers: texts('must be an object of texts').optional(),
  /** A function that makes a server in the worker itself, with `createSdkMcpServer`. Defaults to none. */
  create: z
    .custom<CreateMcpServer>((value) => typeof value === 'function', 'must be a function that makes the server')
    .meta({ title: 'function' })
    .optional(),
  /** Whether a run fails (`mcp_server_failed`) when the server is not connected at its start. Defaults to true. */
  required: z.boolean('must be true or false').optional(),
});
