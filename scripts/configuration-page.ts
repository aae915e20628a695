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
  LONGHAUL_URL: {
    meaning:
      'The server that `run`, `runs`, `show`, `tail`, `cancel`, `retry` and `workers` speak to. `--url` wins over it.',
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
  { path: '', title: 'The rest' },
];

/** `docs/configuration.md`, from the schema in the code. */
export function toConfigurationPage(): string {
  const options = readConfigOptions();
  const sections = SECTIONS.map(({ path, title, words }) => {
    const own = options.filter((option) => parentOf(option.path) === path && !option.isIgnored && !option.isGroup);
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

## Without effect yet

Accepted, checked, and named in a warning at start, so that a configuration for a later version can be written now.

${toTable(
  options.filter((option) => option.isIgnored && !option.isGroup),
  (path) => path,
)}

## Variables

An empty variable counts as unset. With none of the provider's set, the built-in scripted model answers, and \`start\`
says so. \`LONGHAUL_QUEUE_URL\`, \`CLAUDE_CODE_USE_BEDROCK\` and \`CLAUDE_CODE_USE_VERTEX\` are refused at start: what they ask
for is not there yet.

| variable | meaning | default |
|---|---|---|
${Object.entries(VARIABLES)
  .map(([name, variable]) => `| \`${name}\` | ${variable.meaning} | ${variable.default} |`)
  .join('\n')}

Colours of the commands follow \`NO_COLOR\` and \`FORCE_COLOR\`.
`;
}

function toTable(options: readonly ConfigOption[], name: (path: string) => string = lastOf): string {
  const rows = options.map((option) => {
    const fallback = option.isRequired ? '**required**' : (option.default ?? 'none');
    return `| \`${name(option.path)}\` | ${option.meaning} | ${option.allowed} | ${fallback} |`;
  });
  return ['| option | meaning | takes | default |', '|---|---|---|---|', ...rows].join('\n');
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')));
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
