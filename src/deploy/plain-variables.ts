import { LonghaulError } from '../core/errors.ts';

/** Variables that are no secrets, and that a deployment has to pass on for the same configuration to be in force. */
const PLAIN_VARIABLES = [
  'LONGHAUL_RUN_TIMEOUT_SECONDS',
  'LONGHAUL_LOG_LEVEL',
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_MODEL',
  'ANTHROPIC_DEFAULT_HAIKU_MODEL',
  'ANTHROPIC_DEFAULT_SONNET_MODEL',
  'ANTHROPIC_DEFAULT_OPUS_MODEL',
  'CLAUDE_CODE_USE_BEDROCK',
  'AWS_REGION',
  'ANTHROPIC_BEDROCK_BASE_URL',
  'CLAUDE_CODE_USE_VERTEX',
  'ANTHROPIC_VERTEX_PROJECT_ID',
  'CLOUD_ML_REGION',
  'ANTHROPIC_VERTEX_BASE_URL',
  'NO_PROXY',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_SERVICE_NAME',
  'OTEL_TRACES_EXPORTER',
  'OTEL_METRICS_EXPORTER',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_METRIC_EXPORT_INTERVAL',
  'OTEL_BSP_SCHEDULE_DELAY',
];

/** Characters that no file of a deployment gives a meaning. */
const PLAIN = /^[\w.:/,@*+~-]+$/;

/**
 * Returns the variables of `env` that are no secrets and that a deployment needs.
 * @throws {LonghaulError} `usage` when a value has other characters, or contains a password.
 */
export function toPlainVariables(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of PLAIN_VARIABLES) {
    const value = env[name];
    if (value === undefined || value === '') continue;
    const hasUser = /:\/\/[^/]*@/.test(value);
    if (hasUser || !PLAIN.test(value)) {
      const reason = hasUser ? 'a user or a password' : 'characters that deployment files cannot contain';
      throw new LonghaulError('usage', {
        message: `${name} has ${reason}: unset it for this command, and add it to the files by hand.`,
      });
    }
    found[name] = value;
  }
  return found;
}
