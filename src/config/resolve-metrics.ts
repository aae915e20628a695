import type { z } from 'zod';
import type { FieldError } from '../core/errors.ts';
import type { metricsSchema } from './metrics-schema.ts';

/** Settings of the metrics, with every default in place. */
export interface MetricsConfig {
  /** Null: no port for metrics alone. */
  readonly port: number | null;
  readonly host: string;
  readonly withoutKey: boolean;
  /** True when the variables of OpenTelemetry name an address to push metrics to. */
  readonly isPushed: boolean;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** The variables of OpenTelemetry that name an address for metrics. */
const PUSH_VARIABLES = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'];

interface ResolveOptions {
  readonly settings: z.output<typeof metricsSchema>;
  /** The value of `LONGHAUL_METRICS_PORT`. */
  readonly port: number | undefined;
  readonly serverHost: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function resolveMetrics({ settings, port, serverHost, env }: ResolveOptions): {
  readonly value: MetricsConfig;
  readonly errors: FieldError[];
} {
  const host = settings.host ?? serverHost;
  const { withoutKey } = settings;
  const isOff = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_METRICS_EXPORTER'] === 'none';
  const isPushed = !isOff && PUSH_VARIABLES.some((name) => (env[name] ?? '') !== '');
  const errors =
    withoutKey && !LOOPBACK.test(host)
      ? [
          {
            path: 'metrics.withoutKey',
            message: `must be false on the address ${host}, which other machines reach; set metrics.host to 127.0.0.1, or create a key: longhaul keys create prometheus --scope metrics`,
          },
        ]
      : [];
  return { value: { port: port ?? settings.port ?? null, host, withoutKey, isPushed }, errors };
}
