import type { z } from 'zod';
import { SECRET_VARIABLES } from '../src/config/read-secret-files.ts';
import type { environmentSchema } from '../src/config/schema.ts';
import { readConfigOptions, type ConfigOption } from './config-options.ts';

interface Variable {
  readonly meaning: string;
  readonly default: string;
}

/** The variables that configure Longhaul: those of the schema, and variables that only commands read. */
const VARIABLES: Readonly<Record<keyof z.infer<typeof environmentSchema>, Variable>> & Record<string, Variable> = {
  LONGHAUL_DATABASE_URL: {
    meaning:
      'URL of a PostgreSQL database, `postgres://user:password@host/database`, to use instead of the embedded database.',
    default: 'the embedded database',
  },
  LONGHAUL_QUEUE_URL: {
    meaning:
      'Backend that wakes workers: `redis://:password@host:6379`, `rediss://…` or `sqs://eu-west-1`. Requires PostgreSQL; see [queue backends](queues.md).',
    default: 'the database wakes the workers',
  },
  LONGHAUL_DATA_DIR: {
    meaning: 'Directory of the embedded database, of the admin key, and of the workspaces of agents without their own.',
    default: '`.longhaul` beside the configuration file',
  },
  LONGHAUL_HOST: { meaning: 'Address to listen on. `--host` takes precedence.', default: '`127.0.0.1`' },
  LONGHAUL_PORT: { meaning: 'Port to listen on; 0 chooses a free port. `--port` takes precedence.', default: '4400' },
  LONGHAUL_METRICS_PORT: {
    meaning:
      'Port for `/metrics`, `/livez` and `/readyz` alone; see `metrics.port`. `--metrics-port` takes precedence.',
    default: 'none',
  },
  LONGHAUL_ADMIN_KEY: {
    meaning:
      'Your own admin key: `lh_` and 32 or more random characters. Servers and `migrate` activate it: [the first key](access.md#the-first-key).',
    default: 'the first start creates one',
  },
  LONGHAUL_CLAUDE_PATH: {
    meaning: 'Path of the Claude Code executable; see `claudePath`.',
    default: "the Agent SDK's own",
  },
  LONGHAUL_RUN_TIMEOUT_SECONDS: {
    meaning: 'Run timeout of every agent, in seconds, instead of its `limits.timeoutSeconds`.',
    default: "each agent's own",
  },
  LONGHAUL_LOG_LEVEL: {
    meaning: 'Log level: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
    default: '`info`',
  },
  ANTHROPIC_API_KEY: { meaning: 'API key of the provider. Only the gateway has it, never an agent.', default: 'none' },
  ANTHROPIC_AUTH_TOKEN: { meaning: 'Bearer token instead of the key, for a proxy that requires one.', default: 'none' },
  ANTHROPIC_BASE_URL: {
    meaning: 'Address of the provider, or of a proxy that serves the Messages API.',
    default: '`https://api.anthropic.com`',
  },
  ANTHROPIC_CUSTOM_HEADERS: {
    meaning:
      'Headers of each request to a provider whose address the variables choose, as lines of `Name: value`. In the file, use [`headers`](providers.md#headers-and-proxies) of a provider.',
    default: 'none',
  },
  HTTPS_PROXY: {
    meaning:
      'Proxy for providers with an `https:` address; `HTTP_PROXY` is for `http:` addresses. The names in lower case take precedence.',
    default: 'none',
  },
  NO_PROXY: {
    meaning: 'Hosts to reach without the proxy: names (which include their subdomains), addresses, networks, or `*`.',
    default: 'none',
  },
  CLAUDE_CODE_USE_BEDROCK: {
    meaning:
      'Makes [Amazon Bedrock](providers.md#amazon-bedrock) the default provider, with `AWS_REGION`, `AWS_BEARER_TOKEN_BEDROCK` or the credentials from the AWS chain, and `ANTHROPIC_BEDROCK_BASE_URL`.',
    default: 'off; `0` and `false` also mean off',
  },
  CLAUDE_CODE_USE_VERTEX: {
    meaning:
      'Makes [Google Vertex AI](providers.md#google-vertex-ai) the default provider, with `ANTHROPIC_VERTEX_PROJECT_ID`, `CLOUD_ML_REGION`, `GOOGLE_APPLICATION_CREDENTIALS` and `ANTHROPIC_VERTEX_BASE_URL`.',
    default: 'off; `0` and `false` also mean off',
  },
  ANTHROPIC_MODEL: {
    meaning:
      'With one of the two clouds, the model of agents that name none. `ANTHROPIC_DEFAULT_HAIKU_MODEL`, `…_SONNET_MODEL` and `…_OPUS_MODEL` are the names of the model families there.',
    default: 'none',
  },
  LONGHAUL_URL: {
    meaning:
      'Server that the commands `run`, `runs`, `show`, `tail`, `cancel`, `retry`, `workers`, `costs`, `budgets`, `alerts`, `audit` and `keys` call. `--url` takes precedence.',
    default: '`http://127.0.0.1:$LONGHAUL_PORT`',
  },
  LONGHAUL_API_KEY: {
    meaning: 'API key that those commands send.',
    default: "for a server on loopback, the data directory's `admin-key`",
  },
};

/** Text of the page for each group of options, in the order of the page. */
const SECTIONS: readonly { readonly path: string; readonly title: string; readonly words?: string }[] = [
  {
    path: 'agents.NAME',
    title: 'An agent: `agents.NAME`',
    words:
      'At least one is required. Submissions refer to an agent by its `NAME`: a letter, then up to 63 letters, digits, `_` or `-`.',
  },
  {
    path: 'agents.NAME.workspace',
    title: 'Its workspace: `agents.NAME.workspace`',
    words: 'A text is the `root`, with the default `mode`.',
  },
  {
    path: 'agents.NAME.approvals',
    title: 'Its approvals: `agents.NAME.approvals`',
    words: 'Time limits for uses of the tools in `ask` and for questions; see [Approvals](approvals.md).',
  },
  {
    path: 'agents.NAME.hooks',
    title: 'Its hooks: `agents.NAME.hooks`',
    words:
      'Functions called around each use of a tool, with the run, its user and the input of the tool. [Agents](agents.md#hooks) describes what they may return, and what happens when they fail.',
  },
  {
    path: 'agents.NAME.mcpServers.NAME',
    title: 'Its MCP servers: `agents.NAME.mcpServers.NAME`',
    words:
      'Each has one of `command`, `url` and `create`. `NAME` is part of the names of its tools, `mcp__NAME__TOOL`: a letter, then up to 31 letters, digits, `_` or `-`. [Agents](agents.md#mcp-servers) has examples.',
  },
  {
    path: 'agents.NAME.subagents.NAME',
    title: 'Its subagents: `agents.NAME.subagents.NAME`',
  },
  {
    path: 'agents.NAME.sandbox',
    title: 'Its sandbox: `agents.NAME.sandbox`',
    words:
      '`false` is none, `"required"` the default one on machines that can hold it, and nowhere else. [Sandbox](sandbox.md) describes what an agent sees in it.',
  },
  {
    path: 'agents.NAME.sandbox.network',
    title: 'Its network: `agents.NAME.sandbox.network`',
  },
  {
    path: 'agents.NAME.sandbox.files',
    title: 'Its files: `agents.NAME.sandbox.files`',
  },
  { path: 'agents.NAME.limits', title: 'Its limits: `agents.NAME.limits`' },
  {
    path: 'agents.NAME.retry',
    title: 'Its retries: `agents.NAME.retry`',
    words:
      'Only retryable failures are retried; [the table of errors](errors.md) lists them. A longer `retry-after` of the provider is respected. Every wait is lengthened by up to a fifth, so that runs that failed together are not retried together. Runs of a lost worker are retried without a wait.',
  },
  { path: 'managedAgents', title: 'Agents that clients define: `managedAgents`' },
  {
    path: 'worker',
    title: 'The worker: `worker`',
    words:
      'Each layer has to give up before the layer around it, otherwise Longhaul does not start: every `timeoutSeconds` < `expireSeconds` < `drainTimeoutSeconds` < `stopWaitSeconds`.',
  },
  {
    path: 'limits.perUser',
    title: 'Each user: `limits.perUser`',
    words:
      'For each `user` that submissions name. A submission without a user is subject to the limits of its team, its key and `global`. [Money](money.md) describes how these limits work together.',
  },
  {
    path: 'limits.perTeam',
    title: 'Each team: `limits.perTeam`',
    words: 'For each `team` that submissions name, in addition to the limits of their user.',
  },
  { path: 'limits.perKey', title: 'Each API key: `limits.perKey`' },
  {
    path: 'limits',
    title: 'Callers bound to a user or a team: `limits`',
    words: 'For keys and tokens that represent one user or team, not the application.',
  },
  { path: 'limits.global', title: 'All runs together: `limits.global`' },
  {
    path: 'providers.NAME.anthropic',
    title: 'Providers: `{ kind: "anthropic" }` in `providers.NAME`',
    words:
      'Destinations of model calls. An agent\'s `provider` refers to one by name; agents that name none use `default`, and without a `default` the variables choose it. [Providers](providers.md) explains each by task. For every kind, a secret may come from a variable: `{ env: "NAME" }`. `{ kind: "scripted" }` is the built-in scripted model.',
  },
  { path: 'providers.NAME.bedrock', title: 'Amazon Bedrock: `{ kind: "bedrock" }` in `providers.NAME`' },
  { path: 'providers.NAME.vertex', title: 'Google Vertex AI: `{ kind: "vertex" }` in `providers.NAME`' },
  {
    path: 'prices.NAME',
    title: 'Prices: `prices.NAME`',
    words:
      'Prices of models in USD per million tokens, by their id as the provider spells it, with or without its date: for models that the built-in lists do not know, or know at another price than yours. A provider may have its own `prices` in the same form, which take precedence. None by default. [Prices](money.md#prices) explains which of several matching names applies.',
  },
  {
    path: 'health',
    title: 'Health of the agent: `health`',
    words: 'The check of `GET /v1/health/agent`: see [operations](operations.md).',
  },
  {
    path: 'http',
    title: 'The HTTP API: `http`',
    words:
      '[Keys, tokens and who sees what](access.md#let-your-page-call-longhaul-cors) explains `corsOrigins`, and [operations](operations.md#behind-a-load-balancer-or-proxy) the other options.',
  },
  {
    path: 'dashboard',
    title: 'The dashboard: `dashboard`',
    words: '[The dashboard](dashboard.md) says what each of its pages answers, and who may see what.',
  },
  {
    path: 'dashboard.oidc',
    title: 'Its sign-in with OpenID Connect: `dashboard.oidc`',
    words: '[The dashboard](dashboard.md#openid-connect) explains how to register Longhaul at a provider.',
  },
  {
    path: 'dashboard.oidc.groups',
    title: 'Its groups: `dashboard.oidc.groups`',
    words:
      'A list; the first entry that names a group of the person decides. `user` and `userClaim` exclude each other, and entries with `admin` have no team and no user.',
  },
  {
    path: 'database',
    title: 'The database: `database`',
    words:
      "Longhaul's use of the PostgreSQL database of `LONGHAUL_DATABASE_URL`: see [operations](operations.md#postgresql).",
  },
  { path: 'queue', title: 'The queue backend: `queue`' },
  { path: 'metrics', title: 'Metrics: `metrics`' },
  { path: 'tracing', title: 'Traces: `tracing`' },
  {
    path: 'webhooks',
    title: 'Webhooks: `webhooks`',
    words:
      'Addresses that [webhooks](webhooks.md#allowed-addresses) may have. Every holder of a key can name addresses, so by default Longhaul posts only to public ones.',
  },
  {
    path: 'alerts',
    title: 'Alerts: `alerts`',
    words:
      'The rules that alert operators. `false` turns a rule off. [Operations](operations.md#alerts) describes all rules, and what to do for each.',
  },
  {
    path: 'alerts.errorRate',
    title: 'Rate of failures: `alerts.errorRate`',
  },
  {
    path: 'alerts.channels.log',
    title: 'The log: `{ type: "log" }` in `alerts.channels`',
    words: 'Always active; list it only to set its `minSeverity`.',
  },
  {
    path: 'alerts.channels.webhook',
    title: 'A webhook: `{ type: "webhook" }` in `alerts.channels`',
    words: 'For this and all other channels, a URL or a secret may come from a variable: `{ env: "NAME" }`.',
  },
  { path: 'alerts.channels.slack', title: 'Slack: `{ type: "slack" }` in `alerts.channels`' },
  { path: 'alerts.channels.email', title: 'Mail: `{ type: "email" }` in `alerts.channels`' },
  { path: 'alerts.channels.email.smtp', title: 'Its mail server: `smtp`' },
  { path: 'audit', title: 'The audit record: `audit`' },
  { path: '', title: 'Other options' },
];

/** Returns `docs/configuration.md`, from the schema in the code. */
export function toConfigurationPage(): string {
  const options = readConfigOptions();
  const sections = SECTIONS.map(({ path, title, words }) => {
    const own = options.filter((option) => parentOf(option.path) === path && !option.isGroup);
    const doc = options.find((option) => option.path === path)?.meaning ?? '';
    return [`## ${title}`, words ?? doc, toTable(own)].filter(Boolean).join('\n\n');
  });
  return `# Configuration

Longhaul reads \`longhaul.config.ts\` from the working directory, or the file named with \`--config\`; the extensions
\`.mts\`, \`.js\` and \`.mjs\` work as well. The file is plain TypeScript, loaded by Node itself. Every option except \`agents\`
and an agent's \`tools\` has a default. Longhaul does not start with an unknown key or a wrong value; the error has its
path, the value received and what is allowed. Relative paths start at the file's directory. A variable takes precedence
over the file, so that a deployment can change a setting of an image.

\`\`\`ts
import { defineConfig } from 'longhaul';

export default defineConfig({
  agents: {
    reader: {
      tools: ['Read', 'Grep', 'Glob'],
      workspace: './workspace',
      limits: { maxBudgetUsd: 0.5, maxTurns: 15, timeoutSeconds: 120 },
    },
  },
  worker: { slots: 4 },
});
\`\`\`

This page is generated from the code by \`npm run docs\`.

${sections.join('\n\n')}

## Variables

An empty variable counts as unset. If no variable of a provider is set, the built-in scripted model answers, and \`start\`
reports that.

| variable | meaning | default |
|---|---|---|
${Object.entries(VARIABLES)
  .map(([name, variable]) => `| \`${name}\` | ${variable.meaning} | ${variable.default} |`)
  .join('\n')}

### Secrets from files

Each of these variables may come from a file instead, such as a mounted secret: set \`NAME_FILE\` to its path. Newlines at
the end of the file are left out. The same holds for the variables that your configuration names, as
\`{ env: "NAME" }\` or in the texts of an MCP server as \`\${NAME}\`. A start is refused if both are set, or if the file cannot be
read or is empty. [Agents do not see these files](operations.md#what-an-agent-can-reach).

| variable | file |
|---|---|
${[...SECRET_VARIABLES, 'LONGHAUL_API_KEY'].map((name) => `| \`${name}\` | \`${name}_FILE\` |`).join('\n')}

The colours of commands follow \`NO_COLOR\` and \`FORCE_COLOR\`.
`;
}

function toTable(options: readonly ConfigOption[]): string {
  const rows = options.map((option) => {
    const fallback = option.isRequired ? '**required**' : (option.default ?? 'none');
    return `| \`${lastOf(option.path)}\` | ${option.meaning} | ${option.allowed} | ${fallback} |`;
  });
  return ['| option | meaning | takes | default |', '|---|---|---|---|', ...rows].join('\n');
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')));
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
