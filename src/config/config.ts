import type { Micros } from '../core/money.ts';
import type { RunLimits } from '../core/limits.ts';
import type { PriceOverrides } from '../core/pricing.ts';
import type { RetryPolicy } from '../core/retry-policy.ts';
import type { WhileBusy } from '../core/while-busy.ts';
import type { McpServer } from './mcp-server.ts';
import type { ApprovalRules } from './resolve-approvals.ts';
import type { OutputSchema } from './output-schema.ts';
import type { LonghaulConfig } from './schema.ts';
import type { Subagent } from './subagent.ts';
import type { ToolHooks } from './tool-hooks.ts';

/** How an agent is set up, with every default in place. */
export interface Agent {
  readonly name: string;
  readonly model: string;
  /** The name of one of `Config.providers`. */
  readonly provider: string;
  /** With subagents, the one that starts them is among them. */
  readonly tools: readonly string[];
  /** Those that wait for a person. */
  readonly ask: readonly string[];
  readonly hooks: ToolHooks;
  readonly hookTimeoutSeconds: number;
  readonly approvals: ApprovalRules;
  readonly mcpServers: readonly McpServer[];
  readonly subagents: readonly Subagent[];
  /** Null for an answer in text. */
  readonly outputSchema: OutputSchema | null;
  readonly permissionMode: 'dontAsk' | 'acceptEdits' | 'plan' | 'bypassPermissions';
  readonly workspace: Workspace;
  readonly limits: RunLimits;
  /** Runs of it at once, on all workers together; null for any number. */
  readonly concurrent: number | null;
  readonly retry: RetryPolicy;
  /** Processes a worker keeps waiting at least; null keeps none, whatever the demand. */
  readonly prewarm: number | null;
  readonly isReused: boolean;
  /** What becomes of a submission to a conversation whose last run is not over. */
  readonly whileBusy: WhileBusy;
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

/** What one user, one team or all together may spend; null for any amount. */
export interface Budget {
  readonly dayMicros: Micros | null;
  readonly monthMicros: Micros | null;
  readonly whenReached: 'refuse' | 'wait';
}

/** The limits over all runs; null for any number. */
export interface Limits {
  readonly perUser: Budget & { readonly runsPerMinute: number | null; readonly concurrent: number | null };
  readonly perTeam: Budget;
  readonly perKey: { readonly runsPerMinute: number | null };
  /** The highest priority that callers who are bound to a user or a team may name. */
  readonly maxPriority: number;
  readonly global: Budget & { readonly concurrent: number | null };
}

/** Where model calls go: Anthropic's API or anything that speaks it, a cloud, or the built-in scripted model. */
export type Provider =
  | ((AnthropicProvider | BedrockProvider | VertexProvider) & {
      /** What its models cost, before `Config.prices`. Defaults to none. */
      readonly prices?: PriceOverrides;
    })
  | { readonly kind: 'scripted' };

/** What all providers have but the scripted model. */
export interface Reached {
  readonly baseUrl: string;
  /** The proxy on the way there, with its user and password; null: none. */
  readonly proxy: string | null;
  /** What goes with each request beside the credentials, by names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is asked for in place of a model's name. */
  readonly models: Readonly<Record<string, string>>;
}

export interface AnthropicProvider extends Reached {
  readonly kind: 'anthropic';
  readonly apiKey: string | null;
  readonly authToken: string | null;
}

/** Without an API key and an access key, AWS's chain of credentials is asked, for `profile` where that is named. */
export interface BedrockProvider extends Reached {
  readonly kind: 'bedrock';
  readonly region: string;
  readonly apiKey: string | null;
  readonly accessKey: { readonly id: string; readonly secret: string; readonly sessionToken: string | null } | null;
  readonly profile: string | null;
}

/** Without a file, Google's default credentials are used. */
export interface VertexProvider extends Reached {
  readonly kind: 'vertex';
  readonly region: string;
  readonly project: string;
  /** Absolute, or null. */
  readonly keyFile: string | null;
}

export type AlertSeverity = 'info' | 'warning' | 'critical';

/** Where alerts go, with every secret read. `name` tells channels of one type apart, and is kept with each delivery. */
export type AlertChannel = { readonly name: string; readonly minSeverity: AlertSeverity } & (
  | { readonly type: 'log' }
  | { readonly type: 'webhook'; readonly url: string; readonly secret: string | null }
  | { readonly type: 'slack'; readonly url: string }
  | {
      readonly type: 'email';
      readonly to: readonly string[];
      readonly from: string;
      readonly smtp: {
        readonly host: string;
        readonly port: number;
        readonly secure: boolean;
        readonly user: string | null;
        readonly password: string | null;
      };
    }
);

/** What operators are told of. A figure that is null is off. */
export interface AlertsConfig {
  readonly runCostUsd: number | null;
  readonly dailyCostUsd: number | null;
  readonly queueDepth: number | null;
  readonly errorRate: { readonly share: number; readonly minRuns: number; readonly windowMinutes: number } | null;
  readonly driftShare: number | null;
  readonly repeatMinutes: number | null;
  /** The log is always one of them. */
  readonly channels: readonly AlertChannel[];
}

/** What webhooks may be sent to. `allow`: hosts, addresses and networks, in lower case. */
export interface WebhooksConfig {
  readonly allowHttp: boolean;
  readonly allowPrivateAddresses: boolean;
  readonly allow: readonly string[];
}

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
    /** Absolute. */
    readonly visiblePaths: readonly string[];
    /** Null: a process whose event loop stands still is never ended. */
    readonly maxStallSeconds: number | null;
  };
  /** Absolute. */
  readonly dataDir: string;
  /** A PostgreSQL URL, or null for the embedded database in `dataDir`. */
  readonly databaseUrl: string | null;
  readonly database: {
    /** Connections to PostgreSQL that this process opens at most. */
    readonly poolSize: number;
    /** How long a start waits for a database that cannot be reached yet. */
    readonly waitSeconds: number;
  };
  /** The admin key that the deployment has chosen; null: the first start makes one. */
  readonly adminKey: string | null;
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  /** A path, `null` to search for one, `undefined` for the Agent SDK's own. */
  readonly claudePath: string | null | undefined;
  /** By name; `default` is always there. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** IANA name: where days and months of budgets and costs begin. */
  readonly timeZone: string;
  readonly limits: Limits;
  readonly prices: PriceOverrides;
  readonly providerSilenceSeconds: number;
  readonly retentionDays: number;
  /** What was set and has no effect, or not the one that may be meant: to be told when Longhaul starts. */
  readonly warnings: readonly string[];
  /** Null: never. */
  readonly foldAfterMinutes: number | null;
  /** `retentionDays`: null for ever. */
  readonly audit: { readonly retentionDays: number | null };
  readonly alerts: AlertsConfig;
  /** `agent`: whose model and provider the health check asks. */
  readonly health: { readonly agent: string; readonly everySeconds: number };
  /** `corsOrigins`: the web pages that may call the API from a browser. */
  readonly http: {
    readonly corsOrigins: readonly string[];
    readonly shutdownDelaySeconds: number;
    readonly keepAliveSeconds: number;
    /** Without a slash at its end; empty for none. */
    readonly basePath: string;
  };
  /** Null: none is served. `path`: where its pages are, without a slash at its end; `/` is the empty text. */
  readonly dashboard: { readonly path: string; readonly signedInMs: number } | null;
  readonly webhooks: WebhooksConfig;
}

/** Types a `longhaul.config.ts` as it is written. Returns what it is given. */
export function defineConfig(config: LonghaulConfig): LonghaulConfig {
  return config;
}
