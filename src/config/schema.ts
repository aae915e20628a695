import { z } from 'zod';
import { alertsSchema } from './alerts-schema.ts';
import { approvalsSchema } from './approvals-schema.ts';
import { dashboardSchema } from './dashboard-schema.ts';
import { databaseSchema } from './database-schema.ts';
import { httpSchema } from './http-schema.ts';
import { fleetLimitsSchema } from './fleet-limits-schema.ts';
import { healthSchema } from './health-schema.ts';
import { mcpServerSchema } from './mcp-server.ts';
import { count, positive, seconds, usd } from './option-values.ts';
import { outputSchemaSchema } from './output-schema.ts';
import { subagentSchema } from './subagent.ts';
import { hooksSchema } from './tool-hooks.ts';
import { pricesSchema } from './prices-schema.ts';
import { providersSchema } from './provider-schema.ts';
import { webhooksSchema } from './webhooks-schema.ts';
import { WHILE_BUSY } from '../core/while-busy.ts';

/**
 * Everything that can be configured: meaning, unit, default, and the variable that overrides it. A
 * variable wins over the file, so that a deployment can change what an image carries.
 */

const name = (what: string) =>
  z
    .string(`must be ${what}`)
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, `must be ${what}: a letter, then up to 63 letters, digits, "_" or "-"`);

const toolName = () =>
  z
    .string('must be the name of a tool')
    .regex(/^(?:[A-Za-z][\w-]*|mcp__[\w-]+__\*)$/, 'must be the name of a tool, such as "Read" or "mcp__server__tool"');

/** The limits of every run of an agent. A submission may lower them, never raise them. 0 means zero, never unlimited. */
const limitsSchema = z.strictObject({
  /** Cost ceiling of a run, USD. Defaults to 1. */
  maxBudgetUsd: usd().optional(),
  /** Answers of the model, those to sub-agents included. Defaults to 15. */
  maxTurns: count().optional(),
  /** Tokens of extended thinking per response. Defaults to 16,000; 0 turns thinking off. */
  maxThinkingTokens: count().optional(),
  /** From the start of an attempt to its result. Defaults to 120; variable `LONGHAUL_RUN_TIMEOUT_SECONDS`. */
  timeoutSeconds: seconds().optional(),
  /** Resident memory of a run's processes together, in megabytes (10^6 bytes). Defaults to 2,048. */
  maxMemoryMb: positive().max(1_000_000, 'must be at most 1000000').optional(),
  /** Characters (code points) a prompt may have. Defaults to 5,000. */
  maxPromptLength: positive().max(1_000_000, 'must be at most 1000000').optional(),
});

const workspaceSchema = z.union(
  [
    z.string().min(1),
    z.strictObject({
      /** The directory that no run of the agent leaves, relative to the config file. */
      root: z.string().min(1),
      /**
       * `shared`: every run works in `root` itself. `perRun`: each in a new directory under it. `perSession`: the
       * runs of one conversation share one.
       * Defaults to `shared` for an agent that only reads, `perRun` for one with a writing tool or Bash.
       */
      mode: z.enum(['shared', 'perRun', 'perSession']).optional(),
      /** A directory copied into each new directory of a run or session. Defaults to none. */
      from: z.string().min(1).optional(),
    }),
  ],
  'must be a directory, or { root, mode: "shared" | "perRun" | "perSession", from }',
);

const agentSchema = z.strictObject({
  /** The model by its id or alias. Defaults to `default`, Claude Code's own choice. */
  model: z.string('must be the id of a model').min(1, 'must be the id of a model').max(200).optional(),
  /** Where its model calls go, by a name in `providers`. Defaults to `default`. */
  provider: name('the name of a provider').optional(),
  /**
   * The tools a run may use, and no others; `[]` means none. Those of an MCP server by `mcp__SERVER__TOOL`, all of them by
   * `mcp__SERVER`.
   */
  tools: z.array(toolName(), 'must be a list of tool names; [] means none'),
  /** Those of `tools` that wait for a person's approval before each use. Defaults to none. */
  ask: z.array(toolName(), 'must be a list of tool names').optional(),
  approvals: approvalsSchema.optional(),
  hooks: hooksSchema.optional(),
  /** How long a hook may take. Defaults to 30. */
  hookTimeoutSeconds: seconds().min(1, 'must be 1 or more').optional(),
  /** Servers of tools that speak the Model Context Protocol, by name; `tools` says which of their tools a run may use. Defaults to none. */
  mcpServers: z
    .record(
      z
        .string()
        .regex(
          /^(?!.*__|.*_$)[A-Za-z][A-Za-z0-9_-]{0,31}$/,
          'must be the name of a server: a letter, then up to 31 letters, digits, "_" or "-", with no "_" at its end and no two in a row',
        ),
      mcpServerSchema,
      'must be an object of servers by name',
    )
    .optional(),
  /** Agents the model may hand a part of its work to, by name. What they cost and their turns are the run's. Defaults to none. */
  subagents: z
    .record(name('the name of a subagent'), subagentSchema, 'must be an object of subagents by name')
    .optional(),
  /**
   * The form an answer must have, an object: a zod 4 schema or a JSON schema. What fits is the run's `structuredOutput`;
   * a run whose answer does not fails with `structured_output_invalid`. Defaults to none: the answer is text.
   */
  outputSchema: outputSchemaSchema.optional(),
  /** What happens to a tool use that no rule allows. Defaults to `dontAsk`: it is denied. */
  permissionMode: z
    .enum(
      ['dontAsk', 'acceptEdits', 'plan', 'bypassPermissions'],
      'must be "dontAsk", "acceptEdits", "plan" or "bypassPermissions"',
    )
    .optional(),
  /** The switch without which `bypassPermissions` is refused. Defaults to false. */
  allowBypassPermissions: z.boolean('must be true or false').optional(),
  /** Where runs work. Defaults to a directory per run under the data directory. */
  workspace: workspaceSchema.optional(),
  limits: limitsSchema.optional(),
  /** Runs of the agent at once, on all workers together. Defaults to as many as there are slots. */
  concurrent: positive().optional(),
  /** When a failed attempt is tried again. */
  retry: z
    .strictObject({
      /** Attempts in all. Those that a leaving worker hands back do not count. Defaults to 3. */
      maxAttempts: positive().max(20, 'must be at most 20').optional(),
      /** Waits before the second attempt, the third, …; the last one repeats. Defaults to 10, 30, 60. */
      delaysSeconds: z.array(seconds(), 'must be a list of seconds').min(1, 'must name at least one delay').optional(),
      /** From the start of the first attempt to the last moment another may start. Defaults to 600. */
      deadlineSeconds: seconds().optional(),
      /**
       * Whether another attempt continues the conversation from its last recorded step, so that nothing is paid for
       * twice. With `false` each attempt starts afresh. Defaults to true.
       */
      continue: z.boolean('must be true or false').optional(),
    })
    .optional(),
  /**
   * Processes that a worker keeps started and waiting, at least: a run that finds one is spared the start. Each holds
   * about 160 MB. Beyond them a worker keeps as many as it has needed at once lately, up to its slots; `false` keeps
   * none. Defaults to 0.
   */
  prewarm: z
    .union([z.literal(false), count().max(256, 'must be at most 256')], 'must be a number, or false')
    .optional(),
  /**
   * Whether the process of a finished run serves the same user's next run as well, with an empty conversation. Faster,
   * and less isolated: see [speed](speed.md). Needs a shared workspace. Defaults to false.
   */
  reuse: z.boolean('must be true or false').optional(),
  /**
   * What becomes of a submission to a conversation whose last run is not over: `enqueue` waits for it, `reject` refuses
   * with `session_busy`, `interrupt` cancels it, `steer` says it into the run at work. Defaults to `enqueue`.
   */
  whileBusy: z.enum(WHILE_BUSY, 'must be "enqueue", "reject", "interrupt" or "steer"').optional(),
  /** Replaces Claude Code's own system prompt, or with `{ append }` adds to it. Defaults to Claude Code's own, minimal one. */
  systemPrompt: z
    .union([z.string().min(1), z.strictObject({ append: z.string().min(1) })], 'must be a text, or { append: text }')
    .optional(),
  /** How much effort the model puts into an answer. Defaults to `medium`. */
  effort: z.enum(['low', 'medium', 'high'], 'must be "low", "medium" or "high"').optional(),
  /**
   * Kind of thinking: `enabled` with the budget of `maxThinkingTokens`, `adaptive` for models that choose
   * for themselves, `disabled`. Defaults to `enabled` while `maxThinkingTokens` is above 0.
   */
  thinking: z.enum(['enabled', 'adaptive', 'disabled'], 'must be "enabled", "adaptive" or "disabled"').optional(),
  /**
   * Settings files Claude Code reads in the workspace, with the instructions beside them. Refused for a shared workspace
   * that runs can write in: one could leave instructions for the next. Defaults to none.
   */
  settingSources: z.array(z.enum(['project', 'local'], 'must be "project" or "local"')).optional(),
  /** Variables the agent's process gets beside Longhaul's own. Tools can read them: no secrets. Defaults to none. */
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'),
      z.string('must be a text'),
      'must be an object of texts',
    )
    .optional(),
  /** The queue its runs wait in, so that they compete only with each other. Defaults to the agent's name. */
  queue: name('the name of a queue').optional(),
});

export const configSchema = z.strictObject({
  agents: z
    .record(name('the name of an agent'), agentSchema, 'must be an object of agents by name')
    .refine((agents) => Object.keys(agents).length > 0, 'must define at least one agent'),
  worker: z
    .strictObject({
      /** Runs at once. Defaults to 4. */
      slots: positive().max(256, 'must be at most 256').optional(),
      /** How long a run may be held by one worker at most. Defaults to 180. */
      expireSeconds: seconds().optional(),
      /** How long a stopping worker lets its runs finish. Defaults to 200. */
      drainTimeoutSeconds: seconds().optional(),
      /** How long the supervisor waits before it kills. Defaults to 210. */
      stopWaitSeconds: seconds().optional(),
      /** Growth of the worker's own memory after which it restarts itself. Defaults to 256. */
      restartAboveMb: positive().optional(),
      /**
       * Directories within the worker's home or the system's temporary directory that agents see although those are hidden
       * from them, and devices in `/dev` that agents of root may use. Relative to the config file. Defaults to none.
       */
      visiblePaths: z.array(z.string('must be a path').min(1, 'must be a path'), 'must be a list of paths').optional(),
      /**
       * How long the event loop of a worker's or server's process may stand still before the process is ended, so that its
       * runs continue elsewhere; `false`: for ever. A process that an application shares with Longhaul is never ended.
       * Defaults to 15.
       */
      maxStallSeconds: z
        .union([z.literal(false), seconds().min(5, 'must be at least 5')], 'must be a number of seconds, or false')
        .optional(),
    })
    .optional(),
  /** The time zone, by its IANA name, in which days and months of budgets and costs begin. Defaults to `UTC`. */
  timeZone: z
    .string('must be the name of a time zone')
    .refine(isTimeZone, 'must be the IANA name of a time zone, such as "Europe/Berlin"')
    .optional(),
  limits: fleetLimitsSchema.optional(),
  database: databaseSchema.optional(),
  /**
   * What models cost, in USD for a million tokens, by their id: for those that the built-in lists do not know, or know
   * at another price than yours. A provider's own `prices` go before these. Defaults to none.
   */
  prices: pricesSchema.optional(),
  /**
   * Where model calls go, by name, each described below. `default` is for agents that name none; without one, the
   * variables choose it. Defaults to what the variables choose.
   */
  providers: providersSchema.optional(),
  alerts: alertsSchema.optional(),
  health: healthSchema.optional(),
  /** How the HTTP API is served. */
  http: httpSchema.optional(),
  /** What the server shows in a browser. */
  dashboard: dashboardSchema.optional(),
  webhooks: webhooksSchema.optional(),
  /**
   * The Claude Code executable. Defaults to the Agent SDK's own; `null` looks in the package, then in
   * `PATH`. Variable `LONGHAUL_CLAUDE_PATH`.
   */
  claudePath: z.string('must be a path, or null').min(1, 'must be a path, or null').nullable().optional(),
  /** How long the provider may stay silent within one streamed answer before it is cut off. Defaults to 45. */
  providerSilenceSeconds: seconds().min(1, 'must be 1 or more').optional(),
  /** How long finished runs and their events are kept. Defaults to 7. */
  retentionDays: z
    .number('must be a number of days')
    .min(1 / 24, 'must be at least an hour (0.0417)')
    .optional(),
  /**
   * Minutes after the end of a run in which its text is kept as it was streamed; then only as whole blocks, which is what
   * `agent.text` says. `false` keeps it for as long as the run. Defaults to 60.
   */
  foldAfterMinutes: z
    .union(
      [z.literal(false), z.number().min(1).max(5_256_000)],
      'must be a number of minutes from 1 to 5256000, or false',
    )
    .optional(),
  /** The record of runs and of what operators did. */
  audit: z
    .strictObject({
      /** How many days entries of the audit record are kept, whole days UTC; `false` keeps them for ever. Defaults to 365. */
      retentionDays: z
        .union(
          [z.literal(false), z.int().min(1).max(36_500)],
          'must be a whole number of days from 1 to 36500, or false',
        )
        .optional(),
    })
    .optional(),
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** What `longhaul.config.ts` exports: see each option for its meaning, unit and default. */
export type LonghaulConfig = z.input<typeof configSchema>;

/** In the form of those that are made here, so that it is known for a key; as hard to guess as 128 random bits at least. */
export const adminKey = () =>
  z
    .string()
    .regex(
      /^lh_[A-Za-z0-9_-]{32,200}$/,
      `must be "lh_" and 32 to 200 random letters, digits, "_" or "-"; make one with: echo "lh_$(openssl rand -hex 32)"`,
    );

/** What the variables of the environment may set. */
export const environmentSchema = z.object({
  LONGHAUL_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a PostgreSQL URL, postgres://user:password@host/database')
    .optional(),
  LONGHAUL_DATA_DIR: z.string().min(1).optional(),
  LONGHAUL_HOST: z.string().min(1).optional(),
  LONGHAUL_PORT: z.coerce
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
  LONGHAUL_ADMIN_KEY_FILE: z.string().min(1).optional(),
  ANTHROPIC_API_KEY: z.string().optional(),
  ANTHROPIC_AUTH_TOKEN: z.string().optional(),
  ANTHROPIC_BASE_URL: z.url({ protocol: /^https?$/, message: 'must be an http or https URL' }).optional(),
});
