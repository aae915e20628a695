import type { z } from 'zod';
import type { Micros } from '../core/money.ts';
import type { RunLimits } from '../core/limits.ts';
import type { PriceOverrides } from '../core/pricing.ts';
import type { RetryPolicy } from '../core/retry-policy.ts';
import type { alertsSchema } from './alerts-schema.ts';
import type { ApprovalRules } from './approvals-schema.ts';
import type { McpServer } from './mcp-server.ts';
import type { MetricsConfig } from './resolve-metrics.ts';
import type { TracingConfig } from './resolve-tracing.ts';
import type { QueueBackendConfig } from './resolve-queue-backend.ts';
import type { OutputSchema } from './output-schema.ts';
import type { AgentSettings, LonghaulConfig, Settings } from './schema.ts';
import type { Subagent } from './subagent.ts';

/** Settings as they are after the start: nothing in them changes. */
type Frozen<T> = T extends (...args: never[]) => unknown ? T : { readonly [K in keyof T]: Frozen<T[K]> };

type AlertsSettings = z.output<typeof alertsSchema>;

/** Options of an agent that apply as they are set. */
type KeptAgentSettings = Pick<
  AgentSettings,
  | 'provider'
  | 'hooks'
  | 'hookTimeoutSeconds'
  | 'permissionMode'
  | 'prewarm'
  | 'keepWarmSeconds'
  | 'whileBusy'
  | 'effort'
  | 'thinking'
>;

/** Settings of an agent, with every default in place. */
export interface Agent extends Frozen<KeptAgentSettings> {
  readonly name: string;
  readonly model: string;
  /** With subagents, the list includes the tool that starts them. */
  readonly tools: readonly string[];
  /** Tools that wait for an approval before each use. */
  readonly ask: readonly string[];
  readonly approvals: ApprovalRules;
  readonly mcpServers: readonly McpServer[];
  readonly subagents: readonly Subagent[];
  /** Null when answers are text. */
  readonly outputSchema: OutputSchema | null;
  readonly workspace: Workspace;
  /** Null when its processes need no sandbox, or shall have none. */
  readonly sandbox: Sandbox | null;
  readonly limits: RunLimits;
  /** Maximum number of the agent's runs in progress at once, on all workers together; null for no limit. */
  readonly concurrent: number | null;
  readonly retry: RetryPolicy;
  readonly isReused: boolean;
  readonly systemPrompt: string | { readonly append: string } | null;
  readonly settingSources: readonly AgentSettings['settingSources'][number][];
  readonly env: Readonly<Record<string, string>>;
  readonly queue: string;
}

/** The sandbox of an agent's processes. */
export interface Sandbox {
  /** True when the agent must not run without it. */
  readonly isRequired: boolean;
  /** Destinations that can be reached, see `parseDestination`. */
  readonly allow: readonly string[];
  /** Absolute paths that can be read. */
  readonly read: readonly string[];
  /** Absolute paths that can be read and written. */
  readonly write: readonly string[];
  /** Processes and threads at once. */
  readonly pids: number;
  /** Processors, where control groups are delegated to the worker; null for no limit. */
  readonly cpus: number | null;
  /** Open files at once. */
  readonly openFiles: number;
  /** Megabytes (10^6 bytes) that are written. */
  readonly diskMb: number;
}

export interface Workspace {
  /** Absolute path. */
  readonly root: string;
  readonly mode: 'shared' | 'perRun' | 'perSession';
  /** Absolute path, or null. */
  readonly from: string | null;
}

/** Spending limits of one user, of one team or of all runs together; null for no limit. */
export interface Budget {
  readonly dayMicros: Micros | null;
  readonly monthMicros: Micros | null;
  readonly whenReached: 'refuse' | 'wait';
}

/** The limits over all runs; null for no limit. */
export interface Limits {
  readonly perUser: Budget & { readonly runsPerMinute: number | null; readonly concurrent: number | null };
  readonly perTeam: Budget;
  readonly perKey: { readonly runsPerMinute: number | null };
  /** Highest priority that a caller bound to a user or a team may set. */
  readonly maxPriority: number;
  readonly global: Budget & { readonly concurrent: number | null };
}

/** Destination of model calls: Anthropic's API or a compatible one, a cloud, or the built-in scripted model. */
export type Provider =
  | ((AnthropicProvider | BedrockProvider | VertexProvider) & {
      /** Prices of its models, which take precedence over `Config.prices`. Defaults to none. */
      readonly prices?: PriceOverrides;
    })
  | { readonly kind: 'scripted' };

/** Settings that every provider has except the scripted model. */
export interface Reached {
  readonly baseUrl: string;
  /** Proxy between the gateway and the provider, with its user and password; null for none. */
  readonly proxy: string | null;
  /** Headers sent with each request in addition to the credentials, by names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Model ids to request, by the name that is asked for. */
  readonly models: Readonly<Record<string, string>>;
}

export interface AnthropicProvider extends Reached {
  readonly kind: 'anthropic';
  readonly apiKey: string | null;
  readonly authToken: string | null;
}

/**
 * Without an API key and an access key, AWS's credential chain supplies the credentials, for `profile` if that is set.
 */
export interface BedrockProvider extends Reached {
  readonly kind: 'bedrock';
  readonly region: string;
  readonly apiKey: string | null;
  readonly accessKey: { readonly id: string; readonly secret: string; readonly sessionToken: string | null } | null;
  readonly profile: string | null;
}

/** Without a key file, Google's default credentials are used. */
export interface VertexProvider extends Reached {
  readonly kind: 'vertex';
  readonly region: string;
  readonly project: string;
  /** Absolute path, or null. */
  readonly keyFile: string | null;
}

export type AlertSeverity = 'info' | 'warning' | 'critical';

/**
 * A channel that receives alerts, with every secret read. `name` distinguishes channels of the same type, and is stored
 * with each delivery.
 */
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

/** Thresholds of the alert rules, and the channels. A threshold that is null turns its rule off. */
export interface AlertsConfig extends Frozen<Omit<AlertsSettings, 'channels'>> {
  /** Always includes the log. */
  readonly channels: readonly AlertChannel[];
}

/** The bounds of agents that clients define at run time, see `narrowAgent`. */
export interface ManagedAgentsConfig {
  /** Name of the agent that each of them narrows. */
  readonly template: string;
  /** Ids of the models that clients may choose; null for all with a known price. */
  readonly models: readonly string[] | null;
  /** Hosts of the MCP servers that clients may add, in lower case. */
  readonly mcpHosts: readonly string[];
}

/** Targets that webhooks may have. `allow`: hosts, addresses and networks, in lower case. */
export type WebhooksConfig = Frozen<Settings['webhooks']>;

/** The configuration in force: file, variables and defaults resolved once, then frozen. */
export interface Config {
  /** The file the configuration was loaded from, or null if it was given as an object. */
  readonly file: string | null;
  readonly agents: ReadonlyMap<string, Agent>;
  /** `visiblePaths`: absolute. `maxStallSeconds`: null never ends a process whose event loop is blocked. */
  readonly worker: Frozen<Settings['worker']>;
  /** Absolute path. */
  readonly dataDir: string;
  /** A PostgreSQL URL, or null for the embedded database in `dataDir`. */
  readonly databaseUrl: string | null;
  readonly database: Frozen<Settings['database']>;
  /** The backend that wakes workers, or null for the database alone. */
  readonly queueBackend: QueueBackendConfig | null;
  /** The admin key that the deployment sets; null: the first start creates one. */
  readonly adminKey: string | null;
  /** Files that would give an agent Longhaul's own rights, absolute: no attempt may see them. */
  readonly secretPlaces: readonly string[];
  /** Names of variables that contain a secret: the variables of the environment, and the variables that the file names. */
  readonly secretVariables: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  /** A path, `null` to search for one, `undefined` for the Agent SDK's own. */
  readonly claudePath: string | null | undefined;
  /** By name; always includes `default`. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** IANA name of the time zone in which the days and months of budgets and costs begin. */
  readonly timeZone: string;
  readonly limits: Limits;
  readonly prices: PriceOverrides;
  readonly providerSilenceSeconds: number;
  readonly retentionDays: number;
  /** Settings that have no effect, or perhaps not the intended one; logged when Longhaul starts. */
  readonly warnings: readonly string[];
  /** Null: never. */
  readonly foldAfterMinutes: number | null;
  /** `retentionDays`: null keeps entries forever. */
  readonly audit: Frozen<Settings['audit']>;
  readonly alerts: AlertsConfig;
  /** `agent`: the agent whose model and provider the health check uses. */
  readonly health: Frozen<Settings['health']> & { readonly agent: string };
  /** Null: clients can define no agents. */
  readonly managedAgents: ManagedAgentsConfig | null;
  readonly http: Frozen<Settings['http']> & { readonly shutdownDelaySeconds: number };
  /** Null: none is served. `path`: where its pages are, without a slash at its end; `/` is the empty text. */
  readonly dashboard: DashboardConfig | null;
  readonly metrics: MetricsConfig;
  readonly tracing: TracingConfig;
  readonly webhooks: WebhooksConfig;
}

/** The dashboard. `oidc` is null when people sign in with API keys only. */
export interface DashboardConfig {
  readonly path: string;
  readonly signedInMs: number;
  readonly oidc: OidcConfig | null;
}

/** An OpenID Connect provider at which people sign in to the dashboard. */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Null for a public client. */
  readonly clientSecret: string | null;
  readonly scopes: readonly string[];
  readonly groupsClaim: string;
  /** The first entry that matches decides. */
  readonly groups: readonly OidcGroup[];
  /** False accepts a mail address about which the provider says nothing. */
  readonly requireVerifiedEmail: boolean;
  readonly title: string;
  /** Null for the origin of the request. */
  readonly publicOrigin: string | null;
  readonly signedInMs: number;
}

/** Rights of the members of a group; `group` `*` is everyone. Null where the members are not bound. */
export interface OidcGroup {
  readonly group: string;
  readonly scopes: readonly ('runs:write' | 'runs:read' | 'approvals' | 'admin')[];
  readonly team: string | null;
  readonly user: string | null;
  readonly userClaim: string | null;
}

/** Gives the types of a `longhaul.config.ts` while you write it. Returns its argument. */
export function defineConfig(config: LonghaulConfig): LonghaulConfig {
  return config;
}
