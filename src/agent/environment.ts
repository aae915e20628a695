import type { Logger } from '../core/log.ts';
import { ownIdentity } from '../core/process-identity.ts';
import type { ClaudeSpec } from './claude-spec.ts';
import type { Scratch } from './scratch.ts';

interface EnvironmentOptions {
  readonly spec: Pick<ClaudeSpec, 'processId' | 'gateway' | 'agent'>;
  readonly scratch: Pick<Scratch, 'home' | 'configDir' | 'tmpDir'>;
  readonly log?: Logger | undefined;
}

/**
 * The whole environment of an agent's process, named variable by variable: nothing of the worker's own is
 * passed on but `PATH` and the language. Every tool of the agent can read it, so it holds no secret but the
 * process's own token for the gateway, which is good for nothing but the attempt it works for.
 */
export function toEnvironment({ spec, scratch, log }: EnvironmentOptions): Record<string, string> {
  const ours: Record<string, string> = {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    LANG: process.env['LANG'] ?? 'C.UTF-8',
    HOME: scratch.home,
    TMPDIR: scratch.tmpDir,
    CLAUDE_CONFIG_DIR: scratch.configDir,
    CLAUDE_CODE_TMPDIR: scratch.tmpDir,
    ANTHROPIC_BASE_URL: spec.gateway.url,
    ANTHROPIC_API_KEY: spec.gateway.token,
    // The marks by which everything this process starts is found again.
    LONGHAUL_ATTEMPT: spec.processId,
    LONGHAUL_WORKER: ownIdentity(),
    // The executable's runtime then ends with its parent: beside setpriv, and where there is none.
    BUN_FEATURE_FLAG_NO_ORPHANS: '1',
    // One prompt, one result: work in the background would go on and bring a second one.
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
    CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    // The subagents there are, are those of the config.
    CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS: '1',
    // About 4 s of retries instead of three minutes; what outlasts that is for the next attempt.
    CLAUDE_CODE_MAX_RETRIES: '3',
    // A broken stream would be asked for again in one piece, without any sign of it.
    CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: '1',
    // A `cd` of one run must not be where the next one begins.
    ...(spec.agent.isReused ? { CLAUDE_BASH_MAINTAIN_PROJECT_WORKING_DIR: '1' } : {}),
  };
  const refused = Object.keys(spec.agent.env).filter((name) => Object.hasOwn(ours, name) || RESERVED.test(name));
  if (refused.length > 0) {
    log?.warn(
      { agent: spec.agent.name, variables: refused },
      'these variables of the agent are ours and stay as they are',
    );
  }
  const given = Object.entries(spec.agent.env).filter(([name]) => !refused.includes(name));
  return { ...toTrust(spec.agent), MCP_TIMEOUT, ...Object.fromEntries(given), ...ours };
}

/**
 * Reading the machine's certificates is 3 % of what a start costs. A process that fetches nothing has no use for them:
 * its model is the gateway, over plain HTTP on this machine. The agent's own `env` may say otherwise.
 */
function toTrust({ tools, mcpServers }: ClaudeSpec['agent']): Record<string, string> {
  return tools.includes('WebFetch') || mcpServers.some(({ type }) => type === 'http' || type === 'sse')
    ? {}
    : { CLAUDE_CODE_CERT_STORE: 'bundled' };
}

/** How long a server may take to connect, in milliseconds: less than a process may take to its first word. */
const MCP_TIMEOUT = '20000';

/** What could lead the process around the gateway, or forge a mark. */
const RESERVED = /^(ANTHROPIC_|LONGHAUL_|CLAUDE_CODE_USE_)/;
