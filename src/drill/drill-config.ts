import path from 'node:path';
import type { Config } from '../config/config.ts';
import { resolveConfig } from '../config/resolve.ts';

/**
 * The agents of drills, each with its own queue and workers, so that drills at the same time do not take each other's
 * runs. The drills that leave their worker alone share the steady one.
 */
export const DRILL_AGENTS = [
  'longhaul-drill-takeover',
  'longhaul-drill-executable',
  'longhaul-drill-drain',
  'longhaul-drill-steady',
  'longhaul-drill-restart',
] as const;

export type DrillAgent = (typeof DRILL_AGENTS)[number];

/** Name of the provider, and the user and metadata that mark the runs. */
export const DRILL = 'longhaul-drill';

/** Ceiling of a run. Its answers have a token each, so it costs some micro-dollars of the scripted model. */
export const CEILING_USD = 0.05;

const TIMEOUT_SECONDS = 60;

export interface DrillConfigOptions {
  /** Address of the scripted model. */
  readonly modelUrl: string;
  /** Directory of the drill: for workspaces, and for the data of an embedded database. */
  readonly directory: string;
  /** Replaces `worker.restartAboveMb`. Defaults to the deployment's. */
  readonly restartAboveMb?: number | undefined;
}

/**
 * Adds the agents of drills to a deployment's configuration. Everything else stays, because a process of a drill on the
 * deployment's database decides about other runs as well: it sweeps lost runs, and releases held ones. On an embedded
 * database the drill has a separate one, and alerts go to no channel but the log.
 */
export function toDrillConfig(config: Config, options: DrillConfigOptions): Config {
  const { modelUrl, directory, restartAboveMb } = options;
  const { worker } = config;
  const agent = {
    model: 'claude-haiku-4-5',
    tools: [],
    prewarm: false as const,
    limits: { maxBudgetUsd: CEILING_USD, timeoutSeconds: Math.min(TIMEOUT_SECONDS, worker.expireSeconds - 1) },
    retry: { maxAttempts: 3, delaysSeconds: [0] },
  };
  const drill = resolveConfig({
    input: {
      agents: Object.fromEntries(
        DRILL_AGENTS.map((name) => [
          name,
          { ...agent, provider: DRILL, workspace: { root: `work/${name}`, mode: 'perRun' } },
        ]),
      ),
      providers: { [DRILL]: { kind: 'anthropic', baseUrl: modelUrl, apiKey: 'scripted' } },
      worker: { ...worker, visiblePaths: [] },
    },
    baseDir: directory,
    env: {},
  });
  const own = DRILL_AGENTS.map((name) => [name, drill.agents.get(name)!] as const);
  const isEmbedded = config.databaseUrl === null;
  return {
    ...config,
    agents: new Map([...config.agents, ...own]),
    providers: new Map([...config.providers, [DRILL, drill.providers.get(DRILL)!]]),
    worker: { ...worker, slots: 2, restartAboveMb: restartAboveMb ?? worker.restartAboveMb },
    // A drill stops its servers itself: no load balancer sends requests to them.
    http: { ...config.http, basePath: '/', shutdownDelaySeconds: 0 },
    ...(isEmbedded && {
      dataDir: path.join(directory, 'data'),
      adminKey: null,
      alerts: { ...config.alerts, channels: config.alerts.channels.filter(({ type }) => type === 'log') },
    }),
  };
}
