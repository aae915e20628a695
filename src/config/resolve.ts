import path from 'node:path';
import type { z } from 'zod';
import { LonghaulError, type FieldError } from '../core/errors.ts';
import type { PriceOverrides } from '../core/pricing.ts';
import { findOverlap } from '../core/paths.ts';
import { toFieldErrors } from '../core/validation.ts';
import type { Agent, Config, Provider, Workspace } from './config.ts';
import { HEALTH_AGENT, toHealthAgent } from './health-agent.ts';
import { findSecretPlaces } from './find-secret-places.ts';
import { findSizeErrors } from './find-size-errors.ts';
import { hideSecrets } from './hide-secrets.ts';
import { findNamedVariables, readSecretFiles, SECRET_VARIABLES } from './read-secret-files.ts';
import { findSettingsErrors, findVisibleErrors } from './find-sharing-errors.ts';
import { resolveAlerts } from './resolve-alerts.ts';
import { resolveDashboard } from './resolve-dashboard.ts';
import { resolveFleetLimits } from './resolve-fleet-limits.ts';
import { resolveFeatures, type Features } from './resolve-features.ts';
import { findTemplateErrors, resolveManagedAgents } from './resolve-managed-agents.ts';
import { resolveMetrics } from './resolve-metrics.ts';
import { resolveTracing } from './resolve-tracing.ts';
import { resolveProviders, toProviderEnv } from './resolve-provider.ts';
import { resolveQueueBackend } from './resolve-queue-backend.ts';
import { findSandboxErrors, resolveSandbox } from './resolve-sandbox.ts';
import { canWrite } from './resolve-tools.ts';
import { configSchema, environmentSchema, type AgentSettings, type LonghaulConfig, type Settings } from './schema.ts';
import { findTimeoutChainErrors } from './timeout-chain.ts';

interface ResolveOptions {
  /** The export of the config file. Unchecked: it can be anything. */
  readonly input: unknown;
  /** The file the configuration was loaded from, or null. */
  readonly file?: string | null;
  /** Base of relative paths. */
  readonly baseDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Kubernetes and cloud load balancers need a few seconds before they stop sending requests to a server that is not
 * ready.
 */
const SHUTDOWN_DELAY_SECONDS = 5;

type Environment = z.output<typeof environmentSchema>;

/**
 * Checks a configuration and fills in every default.
 * @throws {LonghaulError} `config_invalid`, with each wrong path, the value received and what is allowed.
 */
export function resolveConfig({ input, file = null, baseDir, env: given }: ResolveOptions): Config {
  const parsed = configSchema.safeParse(input);
  if (!parsed.success) throw invalid(file, toFieldErrors(parsed.error, input).map(hideSecrets));
  const settings = parsed.data;
  const servers = Object.values(settings.agents).map(({ mcpServers }) => mcpServers);
  const named = findNamedVariables(settings.providers, (input as LonghaulConfig).alerts, servers);
  const { env, files } = readSecrets(given, { named, baseDir });
  const variables = parseEnvironment(env);
  const dataDir = path.resolve(baseDir, variables.LONGHAUL_DATA_DIR ?? '.longhaul');

  const providers = resolveProviders({ providers: settings.providers, agents: settings.agents, env, baseDir });
  const resolved = Object.entries(settings.agents).map(([name, agent]) => {
    const features = resolveFeatures({ name, agent, env });
    const options = { name, agent, features: features.value, baseDir, dataDir, variables };
    return { errors: features.errors, agent: resolveAgent({ ...options, providers: providers.value }) };
  });
  const agents = new Map(resolved.map(({ agent }) => [agent.name, agent]));
  const visiblePaths = settings.worker.visiblePaths.map((place) => path.resolve(baseDir, place));
  const worker = { ...settings.worker, visiblePaths };
  const shutdownDelaySeconds =
    settings.http.shutdownDelaySeconds ?? (variables.LONGHAUL_DATABASE_URL === undefined ? 0 : SHUTDOWN_DELAY_SECONDS);
  const checked = settings.health.agent ?? resolved[0]!.agent.name;
  const managedAgents = resolveManagedAgents(settings.managedAgents);
  const alerts = resolveAlerts((input as LonghaulConfig).alerts ?? {}, env);
  const host = variables.LONGHAUL_HOST ?? '127.0.0.1';
  const port = variables.LONGHAUL_METRICS_PORT;
  const metrics = resolveMetrics({ settings: settings.metrics, port, serverHost: host, env });
  const tracing = resolveTracing({ settings: settings.tracing, env });
  const isTimeoutFromVariable = variables.LONGHAUL_RUN_TIMEOUT_SECONDS !== undefined;
  const dashboard = resolveDashboard({ dashboard: settings.dashboard, env, baseDir });
  const queueBackend = resolveQueueBackend(settings.queue, variables);
  const errors = [
    ...[queueBackend, alerts, dashboard, metrics, tracing, providers].flatMap((part) => part.errors),
    ...resolved.flatMap((agent) => agent.errors),
    ...resolved.flatMap(({ agent }) => findSizeErrors(agent)),
    ...findHealthErrors(checked, agents),
    ...findTemplateErrors(managedAgents, agents),
    ...findBypassErrors(settings.agents),
    ...findReuseErrors(agents),
    ...findExposureErrors(agents, dataDir),
    ...findVisibleErrors(worker.visiblePaths, dataDir),
    ...findSandboxErrors(agents, dataDir),
    ...findSettingsErrors(agents),
    ...findTimeoutChainErrors({ agents, worker, isTimeoutFromVariable }),
    ...findShutdownErrors(shutdownDelaySeconds, worker),
  ];
  if (errors.length > 0) throw invalid(file, errors);
  agents.set(HEALTH_AGENT, toHealthAgent(agents.get(checked)!, { dataDir }));

  return deepFreeze({
    ...toUnchanged(settings),
    file,
    agents,
    worker,
    dataDir,
    databaseUrl: variables.LONGHAUL_DATABASE_URL ?? null,
    queueBackend: queueBackend.value,
    adminKey: variables.LONGHAUL_ADMIN_KEY ?? null,
    secretVariables: [...new Set([...SECRET_VARIABLES.filter((name) => env[name]), ...named])],
    secretPlaces: [
      ...files,
      ...findSecretPlaces({ databaseUrl: variables.LONGHAUL_DATABASE_URL, dashboard: settings.dashboard, baseDir }),
    ],
    host,
    port: variables.LONGHAUL_PORT ?? 4400,
    logLevel: variables.LONGHAUL_LOG_LEVEL ?? 'info',
    claudePath: variables.LONGHAUL_CLAUDE_PATH ?? settings.claudePath,
    providers: providers.value,
    warnings: providers.warnings,
    limits: resolveFleetLimits(settings.limits),
    prices: settings.prices as PriceOverrides,
    alerts: alerts.value,
    health: { ...settings.health, agent: checked },
    managedAgents,
    http: { ...settings.http, shutdownDelaySeconds },
    dashboard: dashboard.value,
    metrics: metrics.value,
    tracing: tracing.value,
  });
}

/** The settings that apply as they are. */
function toUnchanged(settings: Settings) {
  const { database, timeZone, providerSilenceSeconds, retentionDays, foldAfterMinutes, audit, webhooks } = settings;
  return { database, timeZone, providerSilenceSeconds, retentionDays, foldAfterMinutes, audit, webhooks };
}

function resolveAgent(options: {
  name: string;
  agent: AgentSettings;
  features: Features;
  baseDir: string;
  dataDir: string;
  variables: Environment;
  providers: ReadonlyMap<string, Provider>;
}): Agent {
  const { name, agent, features, baseDir, dataDir, variables, providers } = options;
  const { permissionMode, limits, prewarm, keepWarmSeconds, whileBusy, effort, settingSources } = agent;
  const { continue: isContinued, ...retry } = agent.retry;
  const provider = providers.get(agent.provider);
  return {
    name,
    model: agent.model ?? toDefaultModel(provider) ?? 'default',
    provider: agent.provider,
    ...features,
    permissionMode,
    workspace: resolveWorkspace({ name, agent, baseDir, dataDir }),
    sandbox: resolveSandbox(agent, baseDir),
    limits: { ...limits, timeoutSeconds: variables.LONGHAUL_RUN_TIMEOUT_SECONDS ?? limits.timeoutSeconds },
    concurrent: agent.concurrent ?? null,
    retry: { ...retry, isContinued },
    prewarm,
    keepWarmSeconds,
    isReused: agent.reuse,
    whileBusy,
    systemPrompt: agent.systemPrompt ?? null,
    effort,
    thinking: limits.maxThinkingTokens === 0 ? 'disabled' : agent.thinking,
    settingSources,
    env: { ...toProviderEnv(provider), ...agent.env },
    queue: agent.queue ?? name,
  };
}

function toDefaultModel(provider: Provider | undefined): string | undefined {
  const models = provider === undefined || provider.kind === 'scripted' ? {} : provider.models;
  return Object.hasOwn(models, 'default') ? models['default'] : undefined;
}

function resolveWorkspace(options: {
  name: string;
  agent: AgentSettings;
  baseDir: string;
  dataDir: string;
}): Workspace {
  const { name, agent, baseDir, dataDir } = options;
  const mode = canWrite(agent.tools) ? 'perRun' : 'shared';
  const given = typeof agent.workspace === 'string' ? { root: agent.workspace } : agent.workspace;
  if (given === undefined) return { root: path.join(dataDir, 'workspaces', name), mode: 'perRun', from: null };
  return {
    root: path.resolve(baseDir, given.root),
    mode: given.mode ?? mode,
    from: given.from === undefined ? null : path.resolve(baseDir, given.from),
  };
}

/** Returns the variables with the secrets that are in files, and those files. */
function readSecrets(
  env: ResolveOptions['env'],
  { named, baseDir }: { named: readonly string[]; baseDir: string },
): { env: ResolveOptions['env']; files: readonly string[] } {
  const secrets = readSecretFiles({ env, names: [...SECRET_VARIABLES, ...named], baseDir });
  if (secrets.errors.length > 0) throw invalid('the environment', secrets.errors);
  return secrets;
}

/**
 * Parses the variables that configure Longhaul. An empty variable counts as unset: shells and Compose files leave such
 * variables.
 */
function parseEnvironment(env: ResolveOptions['env']): Environment {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environmentSchema.safeParse(given);
  const errors = parsed.success ? [] : toFieldErrors(parsed.error, given).map(hideSecrets);
  if (!parsed.success || errors.length > 0) throw invalid('the environment', errors);
  return parsed.data;
}

function findBypassErrors(agents: Settings['agents']): FieldError[] {
  return Object.entries(agents)
    .filter(([, agent]) => agent.permissionMode === 'bypassPermissions' && !agent.allowBypassPermissions)
    .map(([name]) => ({
      path: `agents.${name}.permissionMode`,
      message:
        'is "bypassPermissions", which allows every tool use; also set allowBypassPermissions: true if that is intended, or use "dontAsk"',
    }));
}

/** A server that is killed during this delay closes its connections abruptly. */
function findShutdownErrors(shutdownDelaySeconds: number, { stopWaitSeconds }: Config['worker']): FieldError[] {
  if (shutdownDelaySeconds < stopWaitSeconds) return [];
  return [
    {
      path: 'http.shutdownDelaySeconds',
      message: `is ${shutdownDelaySeconds} and must be less than worker.stopWaitSeconds, which is ${stopWaitSeconds}`,
    },
  ];
}

function findHealthErrors(checked: string, agents: ReadonlyMap<string, Agent>): FieldError[] {
  const errors: FieldError[] = [];
  if (agents.has(HEALTH_AGENT)) {
    errors.push({ path: `agents.${HEALTH_AGENT}`, message: 'is the name of Longhaul’s own agent; choose another' });
  }
  if (!agents.has(checked)) {
    errors.push({
      path: 'health.agent',
      message: `must be one of the agents (${[...agents.keys()].join(', ')}); received ${JSON.stringify(checked)}`,
    });
  }
  return errors;
}

/**
 * A process cannot leave the directory it was started in, and the next run must not start in the directory of another
 * run.
 */
function findReuseErrors(agents: ReadonlyMap<string, Agent>): FieldError[] {
  return [...agents.values()]
    .filter(({ isReused, workspace }) => isReused && workspace.mode !== 'shared')
    .map(({ name, workspace }) => ({
      path: `agents.${name}.reuse`,
      message: `requires a shared workspace, but this agent's mode is "${workspace.mode}"; set workspace: { root, mode: "shared" }, or leave reuse out`,
    }));
}

/**
 * A run that sees the data directory, or gets a copy of it, could read the admin key and the database. This check
 * compares names; the worker checks again with links followed.
 */
function findExposureErrors(agents: ReadonlyMap<string, Agent>, dataDir: string): FieldError[] {
  return [...agents.values()].flatMap(({ name, workspace }) => {
    const shown = { workspace: workspace.mode === 'shared' ? workspace.root : null, 'workspace.from': workspace.from };
    return Object.entries(shown).flatMap(([field, place]) => {
      const overlap = place === null ? null : findOverlap(place, dataDir);
      if (overlap === null) return [];
      const message = `is ${place}, which ${overlap} Longhaul's data directory ${dataDir}; name a directory outside it, such as ./workspace`;
      return [{ path: `agents.${name}.${field}`, message }];
    });
  });
}

function invalid(source: string | null, errors: readonly FieldError[]): LonghaulError {
  const lines = errors.map((error) => `  ${error.path || '(the configuration)'} ${error.message}`);
  return new LonghaulError('config_invalid', {
    message: `The configuration is not valid${source === null ? '' : ` (${source})`}:\n${lines.join('\n')}`,
    errors,
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const child of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(child);
  return value;
}
