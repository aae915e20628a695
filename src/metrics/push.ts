import type { IMetricReader, MetricProducer } from '@opentelemetry/sdk-metrics';
import type { Logger } from '../core/log.ts';
import { atMostEvery } from '../core/at-most-every.ts';
import { toMessage } from '../core/errors.ts';
import type { Sdk } from './sdk.ts';

/** The interval of OpenTelemetry's specification. */
const DEFAULT_INTERVAL_MS = 60_000;
const LOG_EVERY_MS = 60_000;

interface PushOptions {
  readonly sdk: Sdk;
  readonly metricProducers: MetricProducer[];
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * Creates a reader that pushes metrics by OTLP over HTTP, as JSON. The variables of OpenTelemetry set address, headers,
 * timeout and interval (`OTEL_METRIC_EXPORT_INTERVAL`, in milliseconds).
 */
export async function createPushReader({ sdk, metricProducers, log }: PushOptions): Promise<IMetricReader> {
  const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-http');
  const exporter = new OTLPMetricExporter();
  const warn = atMostEvery(LOG_EVERY_MS, (error: unknown) =>
    log.warn({ err: error }, `metrics could not be pushed: ${toMessage(error)}`),
  );
  const exportNow = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    exportNow(metrics, (result) => {
      if (result.error !== undefined) warn(result.error);
      done(result);
    });
  const interval = Number(process.env['OTEL_METRIC_EXPORT_INTERVAL']);
  const exportIntervalMillis = interval > 0 ? interval : DEFAULT_INTERVAL_MS;
  return new sdk.PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(exportIntervalMillis, 30_000),
    metricProducers,
  });
}
