import { isIP } from 'node:net';
import { z } from 'zod';

const host = () =>
  z
    .string('must be the name of a host')
    .refine(isHost, 'must be the name of a host such as "mcp.example.com", or an address, without a port');

/**
 * Agents that clients of Claude Managed Agents define at run time. Without this group they can define none. Each of their
 * agents narrows one agent of the configuration, the template: its tools, limits, provider, workspace, queue and sandbox
 * are the outer bounds of every agent that a client defines.
 */
export const managedAgentsSchema = z.strictObject({
  /**
   * The template, by its name in `agents`. A client chooses the model, the system prompt, the effort, and which of the
   * template's tools its agent has; tools in the template's `ask` always wait for an approval. Everything else is the
   * template's.
   */
  template: z.string('must be the name of an agent').min(1, 'must be the name of an agent'),
  /** Models that clients may choose, by their ids. Defaults to all models with a known price. */
  models: z
    .array(
      z.string('must be the id of a model').min(1, 'must be the id of a model').max(200),
      'must be a list of models by their ids',
    )
    .min(1, 'must name at least one model')
    .max(1_000, 'must have at most 1000 entries')
    .optional(),
  /**
   * Hosts of MCP servers that clients may add to their agents: names such as `mcp.example.com`, or addresses. Their
   * agents can reach these hosts at any port, also from a sandbox and in a private network. Defaults to none.
   */
  mcpHosts: z
    .array(host(), 'must be a list of hosts')
    .max(1_000, 'must have at most 1000 entries')
    .transform((hosts) => hosts.map((name) => name.toLowerCase()))
    .default([]),
});

function isHost(value: string): boolean {
  return isIP(value) !== 0 || /^(?=.{1,253}$)(?!.*\.\d+$)[a-z\d_-]{1,63}(\.[a-z\d_-]{1,63})*$/i.test(value);
}
