import type { z } from 'zod';
import type { FieldError } from '../core/errors.ts';
import { toFieldErrors } from '../core/validation.ts';
import { alertsSchema } from './alerts-schema.ts';
import type { AlertChannel, AlertsConfig } from './config.ts';
import { hideSecrets } from './hide-secrets.ts';

type AlertsInput = z.input<typeof alertsSchema>;
type ChannelInput = NonNullable<AlertsInput['channels']>[number];
type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Returns the alerts with every variable read and every default in place. Do not use the value if there are `errors`.
 */
export function resolveAlerts(
  alerts: AlertsInput,
  env: Variables,
): { value: AlertsConfig; errors: readonly FieldError[] } {
  const { value, errors } = fillVariables(alerts, env);
  return { value: withDefaults(value), errors };
}

/** Replaces every `{ env }` by the value of its variable, and checks that value like one in the file. */
function fillVariables(alerts: AlertsInput, env: Variables): { value: AlertsInput; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const fill = (value: unknown, at: string): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item, index) => fill(item, `${at}.${index}`));
    if (!('env' in value)) {
      return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, fill(child, `${at}.${key}`)]));
    }
    const found = env[String(value.env)];
    if (found !== undefined && found !== '') return found;
    errors.push({ path: at, message: `names the variable ${String(value.env)}, which is not set` });
    return value;
  };
  const value = fill(alerts, 'alerts');
  const parsed = alertsSchema.safeParse(value);
  if (!parsed.success) {
    const wrong = toFieldErrors(parsed.error, value).map((error) => ({ ...error, path: `alerts.${error.path}` }));
    errors.push(...wrong.map(hideSecrets));
  }
  return { value: value as AlertsInput, errors };
}

function withDefaults(alerts: AlertsInput): AlertsConfig {
  const { share = 0.25, minRuns = 10, windowMinutes = 15 } = alerts.errorRate || {};
  const given = alerts.channels ?? [];
  const channels = given.some(({ type }) => type === 'log') ? given : [{ type: 'log' as const }, ...given];
  return {
    runCostUsd: toFigure(alerts.runCostUsd, 5),
    dailyCostUsd: toFigure(alerts.dailyCostUsd, 100),
    queueDepth: toFigure(alerts.queueDepth, 50),
    errorRate: alerts.errorRate === false ? null : { share, minRuns, windowMinutes },
    driftShare: toFigure(alerts.driftShare, 0.1),
    repeatMinutes: toFigure(alerts.repeatMinutes, 60),
    channels: channels.map((channel, index) => resolveChannel(channel, channels.slice(0, index))),
  };
}

function toFigure(figure: number | false | undefined, fallback: number): number | null {
  return figure === false ? null : (figure ?? fallback);
}

/**
 * `before`: the channels before this one. The variables are already filled in, so an option that can be a variable is a
 * text here.
 */
function resolveChannel(channel: ChannelInput, before: readonly ChannelInput[]): AlertChannel {
  const ordinal = before.filter(({ type }) => type === channel.type).length + 1;
  const name = ordinal === 1 ? channel.type : `${channel.type}-${ordinal}`;
  const common = { name, minSeverity: channel.minSeverity ?? ('info' as const) };
  switch (channel.type) {
    case 'log':
      return { ...common, type: channel.type };
    case 'webhook':
      return {
        ...common,
        type: channel.type,
        url: channel.url as string,
        secret: (channel.secret ?? null) as string | null,
      };
    case 'slack':
      return { ...common, type: channel.type, url: channel.url as string };
    case 'email': {
      const { host, port, secure = port === 465, user = null, password = null } = channel.smtp;
      return {
        ...common,
        type: channel.type,
        to: [channel.to].flat(),
        from: channel.from,
        smtp: {
          host,
          port: port ?? (secure ? 465 : 587),
          secure,
          user: user as string | null,
          password: password as string | null,
        },
      };
    }
  }
}
