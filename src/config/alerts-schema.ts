import { z } from 'zod';
import { count, orOff, positive, usd } from './option-values.ts';
import { secret } from './secret-value.ts';

const httpUrl = () => secret(z.url({ protocol: /^https?$/ }), 'must be an http or https URL');
const mailAddress = () => z.email('must be a mail address');

const channelSchema = z.strictObject({
  /** Minimum severity that the channel receives. Defaults to `info`: everything. */
  minSeverity: z.enum(['info', 'warning', 'critical'], 'must be "info", "warning" or "critical"').default('info'),
});

const logSchema = z.strictObject({ type: z.literal('log'), ...channelSchema.shape });

const webhookSchema = z.strictObject({
  type: z.literal('webhook'),
  /** URL that alerts are posted to, as `{ type, timestamp, data }`. */
  url: httpUrl(),
  /**
   * Key that signs each post as [Standard Webhooks](https://www.standardwebhooks.com) describe, in base64, with or
   * without `whsec_` before it. Defaults to none: unsigned.
   */
  secret: secret(
    z.string().regex(/^(whsec_)?(?=.)([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
    'must be in base64, with or without "whsec_" before it',
  ).optional(),
  ...channelSchema.shape,
});

const slackSchema = z.strictObject({
  type: z.literal('slack'),
  /** URL of a Slack incoming webhook, or of a service that accepts the same `{ text }`. */
  url: httpUrl(),
  ...channelSchema.shape,
});

const emailSchema = z.strictObject({
  type: z.literal('email'),
  /** Recipient, or a list of recipients. */
  to: z.union([mailAddress(), z.array(mailAddress()).min(1)], 'must be a mail address, or a list of them'),
  /** The sender. */
  from: mailAddress(),
  /** The mail server. */
  smtp: z.strictObject({
    /** Host name or address of the mail server. */
    host: z.string('must be the name of a host').min(1, 'must be the name of a host'),
    /** Port of the mail server. Defaults to 587 (mail submission), or to 465 with `secure`. */
    port: z.int('must be a port').min(1, 'must be a port').max(65_535, 'must be a port').optional(),
    /**
     * Set to true to encrypt the connection from its first byte (TLS). With false the connection uses STARTTLS if the
     * server offers it; signing in then requires STARTTLS, unless the server is on this machine. Defaults to true on
     * port 465.
     */
    secure: z.boolean('must be true or false').optional(),
    /** User name to sign in with. Defaults to none: without signing in. */
    user: secret(z.string().min(1), 'must be a text').optional(),
    /** Password of the user. Defaults to none. */
    password: secret(z.string().min(1), 'must be a text').optional(),
  }),
  ...channelSchema.shape,
});

/** The rules that alert operators. `false` turns a rule off. */
export const alertsSchema = z.strictObject({
  /** Cost of a finished run above which there is a warning. Defaults to 5. */
  runCostUsd: orOff(usd(), 'must be an amount in USD, or false').default(5),
  /** Cost of a day, in `timeZone`, above which there is a critical alert. Defaults to 100. */
  dailyCostUsd: orOff(usd(), 'must be an amount in USD, or false').default(100),
  /** Runs waiting in one queue above which there is a warning. Measured every minute. Defaults to 50. */
  queueDepth: orOff(count(), 'must be a whole number, or false').default(50),
  /** Share of runs that fail, for each agent and for all agents together. Defaults to the values below. */
  errorRate: orOff(
    z.strictObject({
      /**
       * Failed runs as a share of the runs that succeeded or failed. At this share the alert is a warning, at twice
       * this share it is critical. Defaults to 0.25.
       */
      share: z.number().gt(0).max(1).default(0.25),
      /** Minimum number of runs to judge: one failure among three runs is already a third. Defaults to 10. */
      minRuns: positive().default(10),
      /** Only runs that ended within this time are counted. Defaults to 15. */
      windowMinutes: positive().max(1_440).default(15),
    }),
    'must be false, or { share: above 0 and up to 1, minRuns: 1 or more, windowMinutes: 1 to 1440 }',
  ).prefault({}),
  /**
   * Difference between a day's cost as the Agent SDK reports it and Longhaul's own figure, as a share of the latter,
   * above which there is a warning. Defaults to 0.1.
   */
  driftShare: orOff(z.number().gt(0).max(100), 'must be a share, such as 0.1, or false').default(0.1),
  /** Time after which an alert that is still open is delivered again; `false` delivers it once. Defaults to 60. */
  repeatMinutes: orOff(positive(), 'must be a number of minutes, 1 or more, or false').default(60),
  /** Channels that receive alerts in addition to the log, each described below. Defaults to the log alone. */
  channels: z
    .array(
      z.discriminatedUnion(
        'type',
        [logSchema, webhookSchema, slackSchema, emailSchema],
        'must be "log", "webhook", "slack" or "email"',
      ),
      'must be a list of channels',
    )
    .default([]),
});
