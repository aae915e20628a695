import { toMessage, type FieldError } from '../core/errors.ts';
import type { Agent } from './config.ts';
import { createOutputSchema, type OutputSchema, type OutputSchemaInput } from './output-schema.ts';
import { resolveMcpServers } from './resolve-mcp-servers.ts';
import { findToolErrors, resolveTools, SUBAGENT_TOOLS } from './resolve-tools.ts';
import type { AgentSettings } from './schema.ts';

/** The features of an agent, in addition to answering. */
export type Features = Pick<
  Agent,
  'tools' | 'ask' | 'approvals' | 'hooks' | 'hookTimeoutSeconds' | 'mcpServers' | 'subagents' | 'outputSchema'
>;

interface ResolveFeaturesOptions {
  readonly name: string;
  readonly agent: AgentSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Resolves an agent's tools, hooks, servers, subagents and the form of its answers. Do not use the value if there are
 * `errors`.
 */
export function resolveFeatures({ name, agent, env }: ResolveFeaturesOptions): {
  value: Features;
  errors: readonly FieldError[];
} {
  const at = `agents.${name}`;
  const servers = resolveMcpServers({ servers: agent.mcpServers, at: `${at}.mcpServers`, env });
  const output = resolveOutputSchema(agent.outputSchema, `${at}.outputSchema`);
  const value: Features = {
    tools: resolveTools(agent),
    ask: [...new Set(agent.ask)],
    approvals: agent.approvals,
    hooks: agent.hooks,
    hookTimeoutSeconds: agent.hookTimeoutSeconds,
    mcpServers: servers.value,
    subagents: Object.entries(agent.subagents).map(([subagent, given]) => ({
      name: subagent,
      description: given.description,
      prompt: given.prompt,
      tools: [...new Set(given.tools ?? agent.tools.filter((tool) => !SUBAGENT_TOOLS.includes(tool)))],
      model: given.model ?? null,
      maxTurns: given.maxTurns ?? null,
    })),
    outputSchema: output.value,
  };
  // When a server is wrong, errors about the names of its tools would add nothing.
  const toolErrors = servers.errors.length > 0 ? [] : findToolErrors({ ...value, name });
  return { value, errors: [...servers.errors, ...output.errors, ...toolErrors, ...findReuseErrors(agent, at)] };
}

/** Everything that a run's tools started is ended with the run, and so is a stdio server's process. */
function findReuseErrors({ reuse, mcpServers }: AgentSettings, at: string): FieldError[] {
  return Object.entries(mcpServers)
    .filter(([, { command }]) => reuse && command !== undefined)
    .map(([server]) => ({
      path: `${at}.reuse`,
      message: `ends every process that a run started, and the server "${server}" is such a process; use url or create for it, or leave reuse out`,
    }));
}

function resolveOutputSchema(
  given: OutputSchemaInput | undefined,
  path: string,
): { value: OutputSchema | null; errors: FieldError[] } {
  if (given === undefined) return { value: null, errors: [] };
  try {
    return { value: createOutputSchema(given), errors: [] };
  } catch (error) {
    return { value: null, errors: [{ path, message: toMessage(error) }] };
  }
}
