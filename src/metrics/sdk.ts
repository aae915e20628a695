/** The parts of OpenTelemetry that metrics use. */
export type Sdk = Awaited<ReturnType<typeof loadSdk>>;

/** Loads OpenTelemetry: only when metrics are asked for, because that takes time and memory. */
export async function loadSdk() {
  const [api, metrics, prometheus, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-prometheus'),
    import('@opentelemetry/resources'),
  ]);
  const { AggregationTemporality, DataPointType, MeterProvider, PeriodicExportingMetricReader } = metrics;
  const { PrometheusExporter, PrometheusSerializer } = prometheus;
  return {
    ValueType: api.ValueType,
    AggregationTemporality,
    DataPointType,
    MeterProvider,
    PeriodicExportingMetricReader,
    PrometheusExporter,
    PrometheusSerializer,
    emptyResource: resources.emptyResource,
  };
}
