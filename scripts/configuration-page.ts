import type { z } from 'zod';
import type { environmentSchema } from '../src/config/schema.ts';
import { readConfigOptions, type ConfigOption } from './config-options.ts';

interface Variable {
  readonly meaning: string;
  readonly default: string;
}

/** The variables that configure: the schema's, and those that only commands read. */
const VARIABLES: Readonly<Record<keyof z.infer<typeof environmentSchema>, Variable>> & Record<string, Variable> = {
  LONGHAUL_DATABASE_URL: {
    meaning: 'A PostgreSQL, `postgres://user:password@host/database`, in place of the embedded database.',
    default: 'the embedded database',
  },
  LONGHAUL_DATA_DIR: {
    meaning: 'The directory of the embedded database, the admin key and the workspaces of agents that have none.',
    default: '`.longhaul` beside the configuration file',
  },
  LONGHAUL_HOST: { meaning: 'The address to listen on. `--host` wins over it.', default: '`127.0.0.1`' },
  LONGHAUL_PORT: { meaning: 'The port, 0 for any that is free. `--port` wins over it.', default: '4400' },
  LONGHAUL_ADMIN_KEY: {
    meaning:
      'An admin key of your own, `lh_` and 32 random characters or more, which servers and `migrate` put in force: [the first key](access.md#the-first-key).',
    default: 'the first start makes one',
  },
  LONGHAUL_ADMIN_KEY_FILE: { meaning: 'A file that holds it, as secrets are mounted.', default: 'none' },
  LONGHAUL_CLAUDE_PATH: {
    meaning: 'The Claude Code executable, as `claudePath`.',
    default: "the Agent SDK's own",
  },
  LONGHAUL_RUN_TIMEOUT_SECONDS: {
    meaning: "Every agent's `limits.timeoutSeconds`, in seconds.",
    default: "each agent's own",
  },
  LONGHAUL_LOG_LEVEL: {
    meaning: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
    default: '`info`',
  },
  ANTHROPIC_API_KEY: { meaning: "The provider's key. Only the gateway holds it, never an agent.", default: 'none' },
  ANTHROPIC_AUTH_TOKEN: { meaning: 'A bearer token in place of the key, for a proxy that wants one.', default: 'none' },
  ANTHROPIC_BASE_URL: {
    meaning: 'Where the provider, or a proxy that speaks the Messages API, is reached.',
    default: '`https://api.anthropic.com`',
  },
  ANTHROPIC_CUSTOM_HEADERS: {
    meaning:
      'Headers of each request to a provider whose address the variables choose, as lines of `Name: value`. [`headers`](providers.md#headers-and-proxies) of a provider does the same in the file.',
    default: 'none',
  },
  HTTPS_PROXY: {
    meaning:
      'The proxy through which providers with an `https:` address are reached; `HTTP_PROXY` for those with `http:`. Small letters win.',
    default: 'none',
  },
  NO_PROXY: {
    meaning:
      'Hosts that are reached without it: names, which stand for what is below them too, addresses, networks, `*`.',
    default: 'none',
  },
  CLAUDE_CODE_USE_BEDROCK: {
    meaning:
      'Makes [Amazon Bedrock](providers.md#amazon-bedrock) the default provider, with `AWS_REGION`, `AWS_BEARER_TOKEN_BEDROCK` or the credentials that AWS finds, and `ANTHROPIC_BEDROCK_BASE_URL`.',
    default: 'off; `0` and `false` are off as well',
  },
  CLAUDE_CODE_USE_VERTEX: {
    meaning:
      'Makes [Google Vertex AI](providers.md#google-vertex-ai) the default provider, with `ANTHROPIC_VERTEX_PROJECT_ID`, `CLOUD_ML_REGION`, `GOOGLE_APPLICATION_CREDENTIALS` and `ANTHROPIC_VERTEX_BASE_URL`.',
    default: 'off; `0` and `false` are off as well',
  },
  ANTHROPIC_MODEL: {
    meaning:
      'With one of the two, the model of agents that name none; `ANTHROPIC_DEFAULT_HAIKU_MODEL`, `…_SONNET_MODEL` and `…_OPUS_MODEL` what the families are called there.',
    default: 'none',
  },
  LONGHAUL_URL: {
    meaning:
      'The server that `run`, `runs`, `show`, `tail`, `cancel`, `retry`, `workers`, `costs`, `budgets`, `alerts`, `audit` and `keys` speak to. `--url` wins over it.',
    default: '`http://127.0.0.1:$LONGHAUL_PORT`',
  },
  LONGHAUL_API_KEY: {
    meaning: 'The key those commands show.',
    default: "for a server on loopback, the data directory's `admin-key`",
  },
};

/** What the page says of each group of options, in the order of the page. */
const SECTIONS: readonly { readonly path: string; readonly title: string; readonly words?: string }[] = [
  {
    path: 'agents.NAME',
    title: 'An agent: `agents.NAME`',
    words:
      'At least one is required. `NAME` is what a submission calls it by: a letter, then up to 63 letters, digits, `_` or `-`.',
  },
  {
    path: 'agents.NAME.workspace',
    title: 'Its workspace: `agents.NAME.workspace`',
    words: 'As a text it is the `root`, with the default `mode`.',
  },
  {
    path: 'agents.NAME.approvals',
    title: 'What waits for a person: `agents.NAME.approvals`',
    words: 'Of uses of the tools in `ask`, and of questions; see [Approvals](approvals.md).',
  },
  {
    path: 'agents.NAME.hooks',
    title: 'Its hooks: `agents.NAME.hooks`',
    words:
      'Functions called around each use of a tool, with the run, its user and what the tool is asked. [Agents](agents.md#hooks) has what they may answer, and what happens when they fail.',
  },
  {
    path: 'agents.NAME.mcpServers.NAME',
    title: 'Its MCP servers: `agents.NAME.mcpServers.NAME`',
    words:
      'Each has one of `command`, `url` and `create`. `NAME` is what its tools are called by, `mcp__NAME__TOOL`: a letter, then up to 31 letters, digits, `_` or `-`. [Agents](agents.md#mcp-servers) has examples.',
  },
  {
    path: 'agents.NAME.subagents.NAME',
    title: 'Its subagents: `agents.NAME.subagents.NAME`',
  },
  { path: 'agents.NAME.limits', title: 'Its limits: `agents.NAME.limits`' },
  {
    path: 'agents.NAME.retry',
    title: 'Its retries: `agents.NAME.retry`',
    words:
      'Only for failures that another try can mend, as [the table](errors.md) says of each. A longer `retry-after` of the provider is kept; every wait is lengthened by up to a fifth, so that runs that failed together do not come back together. What a worker that was lost had begun is taken over without a wait.',
  },
  {
    path: 'worker',
    title: 'The worker: `worker`',
    words:
      'Each layer has to give up before the one around it does, or a start is refused: every `timeoutSeconds` < `expireSeconds` < `drainTimeoutSeconds` < `stopWaitSeconds`.',
  },
  {
    path: 'limits.perUser',
    title: 'Each user: `limits.perUser`',
    words:
      'For each `user` that submissions name; one without is held to the limits of its team, its key and `global`. [Money](money.md) has how these limits work together.',
  },
  {
    path: 'limits.perTeam',
    title: 'Each team: `limits.perTeam`',
    words: 'For each `team` that submissions name, beside the limits of their user.',
  },
  { path: 'limits.perKey', title: 'Each API key: `limits.perKey`' },
  {
    path: 'limits',
    title: 'Callers bound to a user or a team: `limits`',
    words: 'Keys and tokens that stand for one user or team, and not for the application.',
  },
  { path: 'limits.global', title: 'All together: `limits.global`' },
  {
    path: 'providers.NAME.anthropic',
    title: 'Providers: `{ kind: "anthropic" }` in `providers.NAME`',
    words:
      'Where model calls go, by the name that an agent\'s `provider` says; `default` is for agents that name none, and without one the variables choose it. [Providers](providers.md) has each by task. Of all kinds, what is a secret may stand in a variable: `{ env: "NAME" }`. `{ kind: "scripted" }` is the built-in scripted model.',
  },
  { path: 'providers.NAME.bedrock', title: 'Amazon Bedrock: `{ kind: "bedrock" }` in `providers.NAME`' },
  { path: 'providers.NAME.vertex', title: 'Google Vertex AI: `{ kind: "vertex" }` in `providers.NAME`' },
  {
    path: 'prices.NAME',
    title: 'Prices: `prices.NAME`',
    words:
      'What models cost, in USD for a million tokens, by their id as the provider spells it, with or without its date: for those that the built-in lists do not know, or know at another price than yours. A provider may have `prices` of its own, of the same form, which go before these. None by default. [Prices](money.md#prices) says which of several names holds.',
  },
  {
    path: 'health',
    title: 'Whether the agent answers: `health`',
    words: 'The check of `GET /v1/health/agent`: see [operations](operations.md).',
  },
  {
    path: 'http',
    title: 'The HTTP API: `http`',
    words:
      '[Keys, tokens and who sees what](access.md#let-your-page-call-longhaul-cors) says what `corsOrigins` is for, [operations](operations.md#behind-a-load-balancer-or-proxy) the others.',
  },
  {
    path: 'database',
    title: 'The database: `database`',
    words: 'How the PostgreSQL of `LONGHAUL_DATABASE_URL` is used: see [operations](operations.md#postgresql).',
  },
  {
    path: 'webhooks',
    title: 'Webhooks: `webhooks`',
    words:
      'Which addresses [webhooks](webhooks.md#allowed-addresses) may have. Whoever has a key names them: by default only what is public is posted to.',
  },
  {
    path: 'alerts',
    title: 'Alerts: `alerts`',
    words:
      'What operators are told of by themselves. `false` turns a rule off. [Operations](operations.md#alerts) has all rules, and what to do on each.',
  },
  {
    path: 'alerts.errorRate',
    title: 'When failures are too many: `alerts.errorRate`',
  },
  {
    path: 'alerts.channels.log',
    title: 'The log: `{ type: "log" }` in `alerts.channels`',
    words: 'Always there; named only to give it a `minSeverity`.',
  },
  {
    path: 'alerts.channels.webhook',
    title: 'A webhook: `{ type: "webhook" }` in `alerts.channels`',
    words: 'Of this and all other channels, what is a URL or a secret may stand in a variable: `{ env: "NAME" }`.',
  },
  { path: 'alerts.channels.slack', title: 'Slack: `{ type: "slack" }` in `alerts.channels`' },
  { path: 'alerts.channels.email', title: 'Mail: `{ type: "email" }` in `alerts.channels`' },
  { path: 'alerts.channels.email.smtp', title: 'Its mail server: `smtp`' },
  { path: 'audit', title: 'The audit record: `audit`' },
  { path: '', title: 'The rest' },
];

/** `docs/configuration.md`, from the schema in the code. */
export function toConfigurationPage(): string {
  const options = readConfigOptions();
  const sections = SECTIONS.map(({ path, title, words }) => {
    const own = options.filter((option) => parentOf(option.path) === path && !option.isGroup);
    const doc = options.find((option) => option.path === path)?.meaning ?? '';
    return [`## ${title}`, words ?? doc, toTable(own)].filter(Boolean).join('\n\n');
  });
  return `# Configuration

\`longhaul.config.ts\` is found in the working directory, or named with \`--config\`; \`.mts\`, \`.js\` and \`.mjs\` do as
well. It is plain TypeScript, loaded by Node itself. Every option but \`agents\` and an agent's \`tools\` has a default. An
unknown key or a wrong value is refused at start, with its path, the value received and what is allowed. Relative paths
start at the file's directory. A variable wins over the file, so that a deployment can change what an image carries.

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

This page is made from the code by \`npm run docs\`.

${sections.join('\n\n')}

## Variables

An empty variable counts as unset. With none of the provider's set, the built-in scripted model answers, and \`start\`
says so. \`LONGHAUL_QUEUE_URL\` is refused at start: what it asks for is not there yet.

| variable | meaning | default |
|---|---|---|
${Object.entries(VARIABLES)
  .map(([name, variable]) => `| \`${name}\` | ${variable.meaning} | ${variable.default} |`)
  .join('\n')}

Colours of the commands follow \`NO_COLOR\` and \`FORCE_COLOR\`.
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
