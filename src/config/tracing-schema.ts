import { z } from 'zod';

/**
 * Settings of the [traces](tracing.md). They are exported when `OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` names a collector.
 */
export const tracingSchema = z.strictObject({
  /**
   * Share of the runs that are exported, from 0 to 1. A caller's `traceparent` decides for its own runs. Must be the same in
   * all processes. Defaults to `OTEL_TRACES_SAMPLER_ARG` where `OTEL_TRACES_SAMPLER` is `traceidratio` or
   * `parentbased_traceidratio`, else 1.
   */
  sampleRatio: z
    .number('must be a number from 0 to 1')
    .min(0, 'must be 0 or more')
    .max(1, 'must be 1 or less')
    .optional(),
  /**
   * Set to true to export prompts, results, and the input and results of tools, with keys masked and cut at 20,000
   * characters. Defaults to false.
   */
  includeContent: z.boolean('must be true or false').default(false),
  /**
   * Set to false to leave out Claude Code's own spans, for example of the execution of a tool after its approval. They pass
   * through the worker: no process of an agent knows the collector. Defaults to true.
   */
  agentSpans: z.boolean('must be true or false').default(true),
});
