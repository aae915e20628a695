import type { Logger } from '../../core/log.ts';
import { ownIdentity } from '../../core/process-identity.ts';
import type { ClaudeSpec } from './claude-spec.ts';
import type { Scratch } from './scratch.ts';

interface EnvironmentOptions {
  readonly spec: Pick<ClaudeSpec, 'processId' | 'gateway' | 'agent' | 'telemetry'>;
  readonly scratch: Pick<Scratch, 'home' | 'configDir' | 'tmpDir'>;
  /** Variables that what surrounds the process needs. */
  readonly needed: Readonly<Record<string, string>>;
  readonly log?: Logger | undefined;
}

/**
 * Builds the whole environment of an agent's process, variable by variable. Of the worker's own variables only `PATH`
 * and the language are passed on. Every tool of the agent can read the environment, so its only secret is the process's
 * token for the gateway, which is valid only for the attempt it works for.
 */
export function toEnvironment({ spec, scratch, needed, log }: EnvironmentOptions): Record<string, string> {
  const ours: Record<string, string> = {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    LANG: process.env['LANG'] ?? 'C.UTF-8',
    HOME: scratch.home,
    TMPDIR: scratch.tmpDir,
    CLAUDE_CONFIG_DIR: scratch.configDir,
    CLAUDE_CODE_TMPDIR: scratch.tmpDir,
    ANTHROPIC_BASE_URL: spec.gateway.url,
    ANTHROPIC_API_KEY: spec.gateway.token,
    // The marks that find everything this process starts.
    LONGHAUL_ATTEMPT: spec.processId,
    LONGHAUL_WORKER: ownIdentity(),
    // Makes the executable's runtime end with its parent, in addition to setpriv, and on machines without it.
    BUN_FEATURE_FLAG_NO_ORPHANS: '1',
    // A prompt has one result: background work would continue and produce a second result.
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
    CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    // Only the subagents of the config exist.
    CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS: '1',
    // Claude Code would otherwise request another model in place of a retired one, without any sign of it.
    CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP: '1',
    // About 4 s of retries instead of three minutes; a longer failure is for the next attempt.
    CLAUDE_CODE_MAX_RETRIES: '3',
    // Claude Code would otherwise repeat a broken stream as one request, without any sign of it.
    CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: '1',
    // A `cd` in one run must not change the directory of the next.
    ...(spec.agent.isReused ? { CLAUDE_BASH_MAINTAIN_PROJECT_WORKING_DIR: '1' } : {}),
    ...toTelemetry(spec),
    ...needed,
  };
  const refused = Object.keys(spec.agent.env).filter((name) => Object.hasOwn(ours, name) || RESERVED.test(name));
  if (refused.length > 0) {
    log?.warn(
      { agent: spec.agent.name, variables: refused },
      'these variables of the agent are reserved and keep their values',
    );
  }
  const given = Object.entries(spec.agent.env).filter(([name]) => !refused.includes(name));
  return { ...toTrust(spec.agent), MCP_TIMEOUT, ...Object.fromEntries(given), ...ours };
}

/**
 * Reading the machine's certificates takes 3 % of the time of a start. A process that fetches nothing does not need
 * them: its model is the gateway, over plain HTTP on this machine. The agent's own `env` may override this.
 */
function toTrust({ tools, mcpServers }: ClaudeSpec['agent']): Record<string, string> {
  return tools.includes('WebFetch') || mcpServers.some(({ type }) => type === 'http' || type === 'sse')
    ? {}
    : { CLAUDE_CODE_CERT_STORE: 'bundled' };
}

/**
 * The process exports its spans to the gateway, with its own token: the worker passes them on, so that no collector's key
 * reaches an agent. In short intervals, because the spans of a process that is killed are lost. An agent whose `env`
 * configures telemetry keeps its own.
 */
function toTelemetry({ telemetry = null, gateway, agent }: EnvironmentOptions['spec']): Record<string, string> {
  if (telemetry === null || Object.keys(agent.env).some((name) => OWN_TELEMETRY.test(name))) return {};
  return {
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: '1',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${gateway.url}/v1/traces`,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: `x-api-key=${gateway.token}`,
    OTEL_TRACES_EXPORT_INTERVAL: '100',
    ...(telemetry.traceparent !== null && { TRACEPARENT: telemetry.traceparent }),
  };
}

/** Time within which a server must connect, in milliseconds: less than the time for the first message of a process. */
const MCP_TIMEOUT = '20000';

const OWN_TELEMETRY = /^(OTEL_|CLAUDE_CODE_ENABLE_TELEMETRY)/;

/** Variables that could lead the process around the gateway, or forge a mark. */
const RESERVED = /^(ANTHROPIC_|LONGHAUL_|CLAUDE_CODE_USE_)/;
