import type { z } from 'zod';
import type { FieldError } from '../core/errors.ts';
import type { tracingSchema } from './tracing-schema.ts';

/** Settings of the traces, with every default in place. */
export interface TracingConfig {
  /** True when the variables of OpenTelemetry name an address to export spans to. */
  readonly isOn: boolean;
  /** Share of the traces without a caller's decision that are exported. */
  readonly sampleRatio: number;
  readonly includeContent: boolean;
  /** True when Claude Code's own spans are exported, too. */
  readonly agentSpans: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of OpenTelemetry that name an address for traces. */
const EXPORT_VARIABLES = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

export function resolveTracing({ settings, env }: { settings: z.output<typeof tracingSchema>; env: Environment }): {
  readonly value: TracingConfig;
  readonly errors: FieldError[];
} {
  const { includeContent, agentSpans } = settings;
  const isOff = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none';
  const isOn = !isOff && EXPORT_VARIABLES.some((name) => (env[name] ?? '') !== '');
  const given = readRatio(env);
  const sampleRatio = settings.sampleRatio ?? given ?? 1;
  const value = { isOn, sampleRatio, includeContent, agentSpans };
  if (sampleRatio >= 0 && sampleRatio <= 1) return { value, errors: [] };
  const message = `must be a number from 0 to 1; received ${JSON.stringify(env['OTEL_TRACES_SAMPLER_ARG'])}`;
  return { value, errors: [{ path: 'OTEL_TRACES_SAMPLER_ARG', message }] };
}

/** Reads the share of the samplers that have one; null for others. */
function readRatio(env: Environment): number | null {
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? '';
  if (/^(parentbased_)?traceidratio$/.test(sampler)) return Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? '1');
  return /^(parentbased_)?always_off$/.test(sampler) ? 0 : null;
}
