import type { z } from 'zod';
import type { FieldError } from '../core/errors.ts';
import { toFieldErrors } from '../core/validation.ts';
import { alertsSchema } from './alerts-schema.ts';
import type { AlertChannel, AlertsConfig } from './config.ts';
import { hideSecrets } from './hide-secrets.ts';

type AlertsInput = z.input<typeof alertsSchema>;
type AlertsSettings = z.output<typeof alertsSchema>;
type ChannelSettings = AlertsSettings['channels'][number];
type Variables = Readonly<Record<string, string | undefined>>;

/** Returns the alerts with every variable read. Do not use the value if there are `errors`. */
export function resolveAlerts(
  alerts: AlertsInput,
  env: Variables,
): { value: AlertsConfig; errors: readonly FieldError[] } {
  const { value, errors } = fillVariables(alerts, env);
  const channels = value.channels.some(({ type }) => type === 'log')
    ? value.channels
    : [LOG_CHANNEL, ...value.channels];
  const resolved = channels.map((channel, index) => resolveChannel(channel, channels.slice(0, index)));
  return { value: { ...value, channels: resolved }, errors };
}

const LOG_CHANNEL = { type: 'log', minSeverity: 'info' } as const satisfies ChannelSettings;

/** Replaces every `{ env }` by the value of its variable, and checks that value like one in the file. */
function fillVariables(alerts: AlertsInput, env: Variables): { value: AlertsSettings; errors: FieldError[] } {
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
  if (parsed.success) return { value: parsed.data, errors };
  const wrong = toFieldErrors(parsed.error, value).map((error) => ({ ...error, path: `alerts.${error.path}` }));
  return { value: alertsSchema.parse({}), errors: [...errors, ...wrong.map(hideSecrets)] };
}

/**
 * `before`: the channels before this one. The variables are already filled in, so an option that can be a variable is a
 * text here.
 */
function resolveChannel(channel: ChannelSettings, before: readonly ChannelSettings[]): AlertChannel {
  const ordinal = before.filter(({ type }) => type === channel.type).length + 1;
  const name = ordinal === 1 ? channel.type : `${channel.type}-${ordinal}`;
  const common = { name, minSeverity: channel.minSeverity };
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
