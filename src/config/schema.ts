import { z } from 'zod';
import { alertsSchema } from './alerts-schema.ts';
import { approvalsSchema } from './approvals-schema.ts';
import { dashboardSchema } from './dashboard-schema.ts';
import { databaseSchema } from './database-schema.ts';
import { httpSchema } from './http-schema.ts';
import { fleetLimitsSchema } from './fleet-limits-schema.ts';
import { healthSchema } from './health-schema.ts';
import { managedAgentsSchema } from './managed-agents-schema.ts';
import { mcpServerSchema } from './mcp-server.ts';
import { count, MCP_SERVER_NAME, orOff, positive, seconds, TOOL_NAME, usd } from './option-values.ts';
import { metricsSchema } from './metrics-schema.ts';
import { outputSchemaSchema } from './output-schema.ts';
import { subagentSchema } from './subagent.ts';
import { hooksSchema } from './tool-hooks.ts';
import { pricesSchema } from './prices-schema.ts';
import { queueBackendSchema, queueUrl } from './queue-backend-schema.ts';
import { providersSchema } from './provider-schema.ts';
import { sandboxSchema } from './sandbox-schema.ts';
import { tracingSchema } from './tracing-schema.ts';
import { webhooksSchema } from './webhooks-schema.ts';
import { WHILE_BUSY } from '../core/while-busy.ts';

/**
 * Every option: its meaning, unit, default, and the variable that overrides it. A variable takes precedence over the
 * file, so that a deployment can change a setting of an image. The comments are the text of `docs/configuration.md`. To
 * add an option: here, in `config.ts` and `resolve.ts`; a variable also in `environmentSchema`, in `VARIABLES` of
 * `scripts/configuration-page.ts`, and in `deploy/plain-variables.ts` if deployments must pass it on; a group in `SECTIONS`
 * of that script; then `npm run docs`.
 */

const name = (what: string) =>
  z
    .string(`must be ${what}`)
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, `must be ${what}: a letter, then up to 63 letters, digits, "_" or "-"`);

const toolName = () =>
  z
    .string('must be the name of a tool')
    .regex(TOOL_NAME, 'must be the name of a tool, such as "Read" or "mcp__server__tool"');

/**
 * The limits of every run of an agent. A submission may lower them, never raise them. 0 means zero, never unlimited.
 */
const limitsSchema = z.strictObject({
  /** Cost ceiling of a run. Defaults to 1. */
  maxBudgetUsd: usd().default(1),
  /** Model answers, including those to subagents. Defaults to 15. */
  maxTurns: count().default(15),
  /** Tokens of extended thinking per response. Defaults to 16,000; 0 turns thinking off. */
  maxThinkingTokens: count().default(16_000),
  /** Time from the start of an attempt to its result. Defaults to 120; variable `LONGHAUL_RUN_TIMEOUT_SECONDS`. */
  timeoutSeconds: seconds().default(120),
  /** Resident memory of all processes of a run together, in megabytes (10^6 bytes). Defaults to 2,048. */
  maxMemoryMb: positive().max(1_000_000, 'must be at most 1000000').default(2_048),
  /** Maximum length of a prompt, in characters (code points). Defaults to 5,000. */
  maxPromptLength: positive().max(1_000_000, 'must be at most 1000000').default(5_000),
});

const workspaceSchema = z.union(
  [
    z.string().min(1),
    z.strictObject({
      /** Directory that confines all runs of the agent, relative to the config file. */
      root: z.string().min(1),
      /**
       * `shared`: every run works in `root` itself. `perRun`: each run works in a new directory under it. `perSession`:
       * the runs of one session share a directory. Defaults to `shared` for an agent that only reads, `perRun` for an
       * agent with a writing tool or Bash.
       */
      mode: z.enum(['shared', 'perRun', 'perSession']).optional(),
      /** Directory that is copied into each new directory of a run or session. Defaults to none. */
      from: z.string().min(1).optional(),
    }),
  ],
  'must be a directory, or { root, mode: "shared" | "perRun" | "perSession", from }',
);

const agentSchema = z.strictObject({
  /** Id or alias of the model. Defaults to `default`, Claude Code's own choice. */
  model: z.string('must be the id of a model').min(1, 'must be the id of a model').max(200).optional(),
  /** Provider of the agent's model calls, by its name in `providers`. Defaults to `default`. */
  provider: name('the name of a provider').default('default'),
  /**
   * Tools that a run may use; `[]` means none. A tool of an MCP server is `mcp__SERVER__TOOL`, all tools of a server
   * are `mcp__SERVER`.
   */
  tools: z.array(toolName(), 'must be a list of tool names; [] means none'),
  /** Tools of `tools` that wait for a person's approval before each use. Defaults to none. */
  ask: z.array(toolName(), 'must be a list of tool names').default([]),
  approvals: approvalsSchema.prefault({}),
  hooks: hooksSchema.prefault({}),
  /** Time limit of a hook. Defaults to 30. */
  hookTimeoutSeconds: seconds().min(1, 'must be 1 or more').default(30),
  /**
   * MCP (Model Context Protocol) servers, by name; `tools` decides which of their tools a run may use. Defaults to
   * none.
   */
  mcpServers: z
    .record(
      z
        .string()
        .regex(
          MCP_SERVER_NAME,
          'must be the name of a server: a letter, then up to 31 letters, digits, "_" or "-", with no "_" at its end and no two in a row',
        ),
      mcpServerSchema,
      'must be an object of servers by name',
    )
    .default({}),
  /**
   * Agents that the model may delegate part of its work to, by name. Their cost and turns count for the run. Defaults
   * to none.
   */
  subagents: z
    .record(name('the name of a subagent'), subagentSchema, 'must be an object of subagents by name')
    .default({}),
  /**
   * The form of answers, an object: a zod 4 schema or a JSON schema. An answer that matches becomes the run's
   * `structuredOutput`; otherwise the run fails with `structured_output_invalid`. Defaults to none: the answer is text.
   */
  outputSchema: outputSchemaSchema.optional(),
  /** Policy for a tool use that no rule allows. Defaults to `dontAsk`: it is denied. */
  permissionMode: z
    .enum(
      ['dontAsk', 'acceptEdits', 'plan', 'bypassPermissions'],
      'must be "dontAsk", "acceptEdits", "plan" or "bypassPermissions"',
    )
    .default('dontAsk'),
  /** Set to true to permit `bypassPermissions`, which is rejected otherwise. Defaults to false. */
  allowBypassPermissions: z.boolean('must be true or false').default(false),
  /** Working directory of runs. Defaults to a directory per run under the data directory. */
  workspace: workspaceSchema.optional(),
  /**
   * Walls around each run, held by the system: its own files, network and limits. `'required'` refuses to run the agent
   * on a machine that cannot hold them, `false` turns them off. Defaults to a sandbox with its defaults for an agent
   * with a writing tool or Bash, where the machine allows it; to none for other agents.
   */
  sandbox: z
    .union(
      [z.literal(false), z.literal('required'), sandboxSchema],
      'must be false, "required" or an object of options',
    )
    .optional(),
  limits: limitsSchema.prefault({}),
  /**
   * Concurrency limit: runs of the agent in progress at once, on all workers together. Defaults to the number of slots.
   */
  concurrent: positive().optional(),
  /** Retries of failed attempts. */
  retry: z
    .strictObject({
      /** Attempts in total, except attempts that a stopping worker hands back or that end with a wait. Defaults to 3. */
      maxAttempts: positive().max(20, 'must be at most 20').default(3),
      /** Waits before the second attempt, the third, and so on; the last value repeats. Defaults to 10, 30, 60. */
      delaysSeconds: z
        .array(seconds(), 'must be a list of seconds')
        .min(1, 'must name at least one delay')
        .default([10, 30, 60]),
      /**
       * Time from the start of the first attempt within which another may start. Waits for a limit, a person or another
       * worker are left out. Defaults to 600.
       */
      deadlineSeconds: seconds().default(600),
      /**
       * Set to false to start each attempt from the beginning. With true, a retry continues the conversation from its
       * last recorded step, so that no step is paid for twice. Defaults to true.
       */
      continue: z.boolean('must be true or false').default(true),
    })
    .prefault({}),
  /**
   * Minimum number of pre-started processes per worker: a run that finds one saves the start. Each takes about 160 MB. In
   * addition, a worker keeps as many as it has recently needed at once, up to its slots; `false` keeps none. Defaults
   * to 0.
   */
  prewarm: orOff(count().max(256, 'must be at most 256'), 'must be a number, or false').default(0),
  /**
   * Time for which the process of a session waits for the session's next run after a success: that run then begins
   * without a start, in the same conversation. At most as many wait as there are free slots, and they are given up first
   * when memory is short. Needs a workspace that is `shared` or `perSession`: see [speed](speed.md). At most 300; 0 keeps
   * none. Defaults to 120.
   */
  keepWarmSeconds: count().max(300, 'must be at most 300').default(120),
  /**
   * Set to true to reuse the process of a finished run for the same user's next run, with an empty conversation. This
   * is faster and less isolated: see [speed](speed.md). Requires a shared workspace. Defaults to false.
   */
  reuse: z.boolean('must be true or false').default(false),
  /**
   * Policy for a submission to a session whose last run is unfinished: `enqueue` queues it after that run, `reject`
   * rejects it with `session_busy`, `interrupt` cancels that run, `steer` sends the prompt to the running run as a
   * message. Defaults to `enqueue`.
   */
  whileBusy: z.enum(WHILE_BUSY, 'must be "enqueue", "reject", "interrupt" or "steer"').default('enqueue'),
  /**
   * System prompt that replaces Claude Code's own; `{ append }` adds to it instead. Defaults to Claude Code's own,
   * minimal one.
   */
  systemPrompt: z
    .union([z.string().min(1), z.strictObject({ append: z.string().min(1) })], 'must be a text, or { append: text }')
    .optional(),
  /** Effort of the model for an answer. Defaults to `medium`. */
  effort: z.enum(['low', 'medium', 'high'], 'must be "low", "medium" or "high"').default('medium'),
  /**
   * Kind of thinking: `enabled` with the budget of `maxThinkingTokens`, `adaptive` for models that choose for
   * themselves, `disabled`. Defaults to `enabled` while `maxThinkingTokens` is above 0.
   */
  thinking: z
    .enum(['enabled', 'adaptive', 'disabled'], 'must be "enabled", "adaptive" or "disabled"')
    .default('enabled'),
  /**
   * Settings files that Claude Code reads in the workspace, with the instructions next to them. Rejected for a shared
   * workspace that runs can write to, because one run could leave instructions for the next. Defaults to none.
   */
  settingSources: z.array(z.enum(['project', 'local'], 'must be "project" or "local"')).default([]),
  /** Variables of the agent's process, in addition to Longhaul's own. Tools can read them: no secrets. Defaults to none. */
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'),
      z.string('must be a text'),
      'must be an object of texts',
    )
    .default({}),
  /** Queue of the agent's runs; agents with different queues do not delay each other. Defaults to the agent's name. */
  queue: name('the name of a queue').optional(),
});

export const configSchema = z.strictObject({
  agents: z
    .record(name('the name of an agent'), agentSchema, 'must be an object of agents by name')
    .refine((agents) => Object.keys(agents).length > 0, 'must define at least one agent'),
  worker: z
    .strictObject({
      /** Runs in progress at once. Defaults to 4. */
      slots: positive().max(256, 'must be at most 256').default(4),
      /** Time after which the queue gives a worker's run to another if the worker is silent. Defaults to 180. */
      expireSeconds: seconds().default(180),
      /** Time that a stopping worker lets its runs continue. Defaults to 200. */
      drainTimeoutSeconds: seconds().default(200),
      /** Time that the supervisor waits before it kills the worker. Defaults to 210. */
      stopWaitSeconds: seconds().default(210),
      /** Growth of the worker's own memory after which it restarts itself. Defaults to 256. */
      restartAboveMb: positive().default(256),
      /**
       * Directories in the worker's home or in the system's temporary directory, which are otherwise hidden, that
       * agents may see; and devices in `/dev` that agents of root may use. Relative to the config file. Defaults to
       * none.
       */
      visiblePaths: z.array(z.string('must be a path').min(1, 'must be a path'), 'must be a list of paths').default([]),
      /**
       * Time that the event loop of a worker's or server's process may be blocked before the process is ended, so that
       * its runs continue elsewhere; `false` for no limit. A process that an application shares with Longhaul is never
       * ended. Defaults to 15.
       */
      maxStallSeconds: orOff(seconds().min(5, 'must be at least 5'), 'must be a number of seconds, or false').default(
        15,
      ),
    })
    .prefault({}),
  /** IANA name of the time zone in which the days and months of budgets and costs begin. Defaults to `UTC`. */
  timeZone: z
    .string('must be the name of a time zone')
    .refine(isTimeZone, 'must be the IANA name of a time zone, such as "Europe/Berlin"')
    .default('UTC'),
  limits: fleetLimitsSchema.prefault({}),
  database: databaseSchema.prefault({}),
  queue: queueBackendSchema.prefault({}),
  /**
   * Prices of models by their id, in USD per million tokens: for models that the built-in lists do not know, or know at
   * another price than yours. A provider's own `prices` take precedence. Defaults to none.
   */
  prices: pricesSchema.default({}),
  /**
   * Providers of model calls, by name, each described below. Agents that name none use `default`; without one, the
   * variables choose it. Defaults to the choice of the variables.
   */
  providers: providersSchema.default({}),
  alerts: alertsSchema.optional(),
  health: healthSchema.prefault({}),
  managedAgents: managedAgentsSchema.optional(),
  /** Settings of the HTTP API. */
  http: httpSchema.prefault({}),
  /** The dashboard, pages that the server serves to browsers. */
  dashboard: dashboardSchema.prefault({}),
  metrics: metricsSchema.prefault({}),
  tracing: tracingSchema.prefault({}),
  webhooks: webhooksSchema.prefault({}),
  /**
   * Path of the Claude Code executable; `null` searches the package, then `PATH`. Variable `LONGHAUL_CLAUDE_PATH`.
   * Defaults to the Agent SDK's own.
   */
  claudePath: z.string('must be a path, or null').min(1, 'must be a path, or null').nullable().optional(),
  /** Time that the provider may be silent within a streamed answer before the call is ended. Defaults to 45. */
  providerSilenceSeconds: seconds().min(1, 'must be 1 or more').default(45),
  /** Time that finished runs and their events are kept. Defaults to 7. */
  retentionDays: z
    .number('must be a number of days')
    .min(1 / 24, 'must be at least an hour (0.0417)')
    .default(7),
  /**
   * Time that the streamed pieces of text are kept after the end of a run; afterwards only whole blocks (`agent.text`)
   * remain. `false` keeps the pieces as long as the run. Defaults to 60.
   */
  foldAfterMinutes: orOff(
    z.number().min(1).max(5_256_000),
    'must be a number of minutes from 1 to 5256000, or false',
  ).default(60),
  /** The audit record of runs and of the actions of operators. */
  audit: z
    .strictObject({
      /**
       * Time that entries of the audit record are kept, in whole UTC days; `false` keeps them forever. Defaults to 365.
       */
      retentionDays: orOff(
        z.int().min(1).max(36_500),
        'must be a whole number of days from 1 to 36500, or false',
      ).default(365),
    })
    .prefault({}),
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** A checked `longhaul.config.ts`, with every default that does not depend on other options or on variables. */
export type Settings = z.output<typeof configSchema>;

export type AgentSettings = Settings['agents'][string];

/** The export of `longhaul.config.ts`; each option documents its meaning, unit and default. */
export type LonghaulConfig = z.input<typeof configSchema>;

/**
 * Requires the form of generated keys, so that it is recognizable as a key, and at least as hard to guess as 128 random
 * bits.
 */
export const adminKey = () =>
  z
    .string()
    .regex(
      /^lh_[A-Za-z0-9_-]{32,200}$/,
      `must be "lh_" and 32 to 200 random letters, digits, "_" or "-"; generate it with: echo "lh_$(openssl rand -hex 32)"`,
    );

/** The environment variables that configure Longhaul. */
export const environmentSchema = z.object({
  LONGHAUL_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a PostgreSQL URL, postgres://user:password@host/database')
    .optional(),
  LONGHAUL_QUEUE_URL: queueUrl().optional(),
  LONGHAUL_DATA_DIR: z.string().min(1).optional(),
  LONGHAUL_HOST: z.string().min(1).optional(),
  LONGHAUL_PORT: z.coerce
    .number('must be a port')
    .int('must be a port')
    .min(0, 'must be a port')
    .max(65_535, 'must be a port')
    .optional(),
  LONGHAUL_METRICS_PORT: z.coerce
    .number('must be a port')
    .int('must be a port')
    .min(0, 'must be a port')
    .max(65_535, 'must be a port')
    .optional(),
  LONGHAUL_CLAUDE_PATH: z.string().min(1).optional(),
  LONGHAUL_RUN_TIMEOUT_SECONDS: z.coerce.number('must be a number of seconds').min(0, 'must be 0 or more').optional(),
  LONGHAUL_LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent',
    )
    .optional(),
  LONGHAUL_ADMIN_KEY: adminKey().optional(),
  ANTHROPIC_API_KEY: z.string().optional(),
  ANTHROPIC_AUTH_TOKEN: z.string().optional(),
  ANTHROPIC_BASE_URL: z.url({ protocol: /^https?$/, message: 'must be an http or https URL' }).optional(),
});
