import { toMessage, type FieldError } from '../core/errors.ts';
import type { Agent } from './config.ts';
import { createOutputSchema, type OutputSchema, type OutputSchemaInput } from './output-schema.ts';
import { resolveApprovals } from './resolve-approvals.ts';
import { resolveMcpServers } from './resolve-mcp-servers.ts';
import { findToolErrors, resolveTools, SUBAGENT_TOOLS } from './resolve-tools.ts';
import type { LonghaulConfig } from './schema.ts';

/** What an agent can do, beside answering. */
export type Features = Pick<
  Agent,
  'tools' | 'ask' | 'approvals' | 'hooks' | 'hookTimeoutSeconds' | 'mcpServers' | 'subagents' | 'outputSchema'
>;

interface ResolveFeaturesOptions {
  readonly name: string;
  readonly agent: LonghaulConfig['agents'][string];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** An agent's tools, hooks, servers, subagents and the form of its answers. Where `errors` are, the value is not to be used. */
export function resolveFeatures({ name, agent, env }: ResolveFeaturesOptions): {
  value: Features;
  errors: readonly FieldError[];
} {
  const at = `agents.${name}`;
  const servers = resolveMcpServers({ servers: agent.mcpServers ?? {}, at: `${at}.mcpServers`, env });
  const output = resolveOutputSchema(agent.outputSchema, `${at}.outputSchema`);
  const value: Features = {
    tools: resolveTools(agent),
    ask: [...new Set(agent.ask)],
    approvals: resolveApprovals(agent.approvals),
    hooks: agent.hooks ?? {},
    hookTimeoutSeconds: agent.hookTimeoutSeconds ?? 30,
    mcpServers: servers.value,
    subagents: Object.entries(agent.subagents ?? {}).map(([subagent, given]) => ({
      name: subagent,
      description: given.description,
      prompt: given.prompt,
      tools: [...new Set(given.tools ?? agent.tools.filter((tool) => !SUBAGENT_TOOLS.includes(tool)))],
      model: given.model ?? null,
      maxTurns: given.maxTurns ?? null,
    })),
    outputSchema: output.value,
  };
  // Where a server is wrong already, what its tools are called says nothing.
  const toolErrors = servers.errors.length > 0 ? [] : findToolErrors({ ...value, name });
  return { value, errors: [...servers.errors, ...output.errors, ...toolErrors, ...findReuseErrors(agent, at)] };
}

/** What a run's tools have started is ended with it, and a server over stdio is a process like those. */
function findReuseErrors({ reuse, mcpServers = {} }: ResolveFeaturesOptions['agent'], at: string): FieldError[] {
  return Object.entries(mcpServers)
    .filter(([, { command }]) => reuse === true && command !== undefined)
    .map(([server]) => ({
      path: `${at}.reuse`,
      message: `ends what a run has started, and the server "${server}" is a process; reach it by url, make it with create, or leave reuse out`,
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
