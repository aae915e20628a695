import { z } from 'zod';
import { count, off, positive, usd } from './option-values.ts';
import { secret } from './secret-value.ts';

const httpUrl = () => secret(z.url({ protocol: /^https?$/ }), 'must be an http or https URL');
const mailAddress = () => z.email('must be a mail address');

const channelSchema = z.strictObject({
  /** The channel gets only what is at least as severe. Defaults to `info`: everything. */
  minSeverity: z.enum(['info', 'warning', 'critical'], 'must be "info", "warning" or "critical"').optional(),
});

const logSchema = z.strictObject({ type: z.literal('log'), ...channelSchema.shape });

const webhookSchema = z.strictObject({
  type: z.literal('webhook'),
  /** Where alerts are posted, as `{ type, timestamp, data }`. */
  url: httpUrl(),
  /** The key that [Standard Webhooks](https://www.standardwebhooks.com) are signed with, in base64, with or without `whsec_` before it. Defaults to none: unsigned. */
  secret: secret(
    z.string().regex(/^(whsec_)?(?=.)([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
    'must be in base64, with or without "whsec_" before it',
  ).optional(),
  ...channelSchema.shape,
});

const slackSchema = z.strictObject({
  type: z.literal('slack'),
  /** An incoming webhook of Slack's, or one that takes `{ text }` as it does. */
  url: httpUrl(),
  ...channelSchema.shape,
});

const emailSchema = z.strictObject({
  type: z.literal('email'),
  /** Whom to write to. */
  to: z.union([mailAddress(), z.array(mailAddress()).min(1)], 'must be a mail address, or a list of them'),
  /** The sender. */
  from: mailAddress(),
  /** The mail server. */
  smtp: z.strictObject({
    /** Its name or address. */
    host: z.string('must be the name of a host').min(1, 'must be the name of a host'),
    /** Its port. Defaults to that of mail submission, 587, or with `secure` 465. */
    port: z.int('must be a port').min(1, 'must be a port').max(65_535, 'must be a port').optional(),
    /** Whether the connection is encrypted from its first byte; otherwise by STARTTLS where the server offers it, which signing in takes for granted unless it is on this machine. Defaults to true on port 465. */
    secure: z.boolean('must be true or false').optional(),
    /** Whom to sign in as. Defaults to nobody: without signing in. */
    user: secret(z.string().min(1), 'must be a text').optional(),
    /** The user's password. Defaults to none. */
    password: secret(z.string().min(1), 'must be a text').optional(),
  }),
  ...channelSchema.shape,
});

/** What operators are told of by themselves. `false` turns a rule off. */
export const alertsSchema = z.strictObject({
  /** A finished run that cost more is a warning. Defaults to 5. */
  runCostUsd: z.union([off(), usd()], 'must be an amount in USD, or false').optional(),
  /** A day that cost more, in `timeZone`, is critical. Defaults to 100. */
  dailyCostUsd: z.union([off(), usd()], 'must be an amount in USD, or false').optional(),
  /** More runs that wait in one queue are a warning. Measured every minute. Defaults to 50. */
  queueDepth: z.union([off(), count()], 'must be a whole number, or false').optional(),
  /** Too many failures among the runs of an agent, or of all together. Defaults to the figures below. */
  errorRate: z
    .union(
      [
        off(),
        z.strictObject({
          /** Failed runs as a share of those that succeeded or failed: a warning, at twice the share critical. Defaults to 0.25. */
          share: z.number().gt(0).max(1).optional(),
          /** Fewer runs say nothing: of three, one failure is a third. Defaults to 10. */
          minRuns: positive().optional(),
          /** The runs that ended in so many minutes are judged. Defaults to 15. */
          windowMinutes: positive().max(1_440).optional(),
        }),
      ],
      'must be false, or { share: above 0 and up to 1, minRuns: 1 or more, windowMinutes: 1 to 1440 }',
    )
    .optional(),
  /** How far the Agent SDK's cost of a day may lie from Longhaul's own, as a share of it, before it is a warning. Defaults to 0.1. */
  driftShare: z.union([off(), z.number().gt(0).max(100)], 'must be a share, such as 0.1, or false').optional(),
  /** How soon an alert that stays open is told again; `false` tells of it once. Defaults to 60. */
  repeatMinutes: z.union([off(), positive()], 'must be a number of minutes, 1 or more, or false').optional(),
  /** Where alerts go beside the log, each described below. Defaults to the log alone. */
  channels: z
    .array(
      z.discriminatedUnion(
        'type',
        [logSchema, webhookSchema, slackSchema, emailSchema],
        'must be "log", "webhook", "slack" or "email"',
      ),
      'must be a list of channels',
    )
    .optional(),
});
