import type { RunLimits } from '../core/limits.ts';
import type { RetryPolicy } from '../core/retry-policy.ts';
import type { LonghaulConfig } from './schema.ts';

/** How an agent is set up, with every default in place. */
export interface Agent {
  readonly name: string;
  readonly model: string;
  readonly tools: readonly string[];
  readonly permissionMode: 'dontAsk' | 'acceptEdits' | 'plan' | 'bypassPermissions';
  readonly workspace: Workspace;
  readonly limits: RunLimits;
  readonly retry: RetryPolicy;
  /** Processes a worker keeps waiting at least; null keeps none, whatever the demand. */
  readonly prewarm: number | null;
  readonly isReused: boolean;
  readonly systemPrompt: string | { readonly append: string } | null;
  readonly effort: 'low' | 'medium' | 'high';
  readonly thinking: 'enabled' | 'adaptive' | 'disabled';
  readonly settingSources: readonly ('project' | 'local')[];
  readonly env: Readonly<Record<string, string>>;
  readonly queue: string;
}

export interface Workspace {
  /** Absolute. */
  readonly root: string;
  readonly mode: 'shared' | 'perRun' | 'perSession';
  /** Absolute, or null. */
  readonly from: string | null;
}

/** Where model calls go: Anthropic's API or anything that speaks it, or the built-in scripted model. */
export type Provider =
  | {
      readonly kind: 'anthropic';
      readonly baseUrl: string;
      readonly apiKey: string | null;
      readonly authToken: string | null;
    }
  | { readonly kind: 'scripted' };

/** The configuration in force: file, variables and defaults resolved once, then frozen. */
export interface Config {
  /** The file it came from, or null when it was given as an object. */
  readonly file: string | null;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly worker: {
    readonly slots: number;
    readonly expireSeconds: number;
    readonly drainTimeoutSeconds: number;
    readonly stopWaitSeconds: number;
    readonly restartAboveMb: number;
  };
  /** Absolute. */
  readonly dataDir: string;
  /** A PostgreSQL URL, or null for the embedded database in `dataDir`. */
  readonly databaseUrl: string | null;
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  /** A path, `null` to search for one, `undefined` for the Agent SDK's own. */
  readonly claudePath: string | null | undefined;
  readonly provider: Provider;
  readonly providerSilenceSeconds: number;
  readonly retentionDays: number;
  /** What was set but has no effect in this version, for a warning at start. */
  readonly ignoredOptions: readonly string[];
}

/** Types a `longhaul.config.ts` as it is written. Returns what it is given. */
export function defineConfig(config: LonghaulConfig): LonghaulConfig {
  return config;
}
