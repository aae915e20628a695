import { describe, expect, it } from 'vitest';
import { resolveConfig } from './resolve.ts';

const resolve = (tracing: object, env: Record<string, string> = {}) =>
  resolveConfig({ input: { agents: { reader: { tools: [] } }, tracing }, baseDir: '/srv', env }).tracing;

describe('tracing', () => {
  it('is off until a variable names a collector, and never contains prompts by default', () => {
    expect(resolve({})).toEqual({ isOn: false, sampleRatio: 1, includeContent: false, agentSpans: true });
    expect(resolve({}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }).isOn).toBe(true);
    expect(resolve({}, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }).isOn).toBe(true);
    expect(resolve({}, { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318/v1/metrics' }).isOn).toBe(false);
  });

  it.each([{ OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }])('is off with %o', (variables) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', ...variables } as Record<string, string>;
    expect(resolve({}, env).isOn).toBe(false);
  });

  it('takes the ratio from the configuration, else from the variables of OpenTelemetry', () => {
    const env = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    expect(resolve({}, env).sampleRatio).toBe(0.1);
    expect(resolve({ sampleRatio: 0.5 }, env).sampleRatio).toBe(0.5);
    expect(resolve({}, { OTEL_TRACES_SAMPLER: 'always_off' }).sampleRatio).toBe(0);
    expect(resolve({}, { OTEL_TRACES_SAMPLER: 'always_on' }).sampleRatio).toBe(1);
  });

  it('rejects a ratio that is none', () => {
    expect(() => resolve({ sampleRatio: 2 })).toThrow('tracing.sampleRatio must be 1 or less');
    const env = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 'half' };
    expect(() => resolve({}, env)).toThrow('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1; received "half"');
  });
});
