import type { HrTime } from '@opentelemetry/api';
import type { CollectionResult, MetricData, MetricProducer } from '@opentelemetry/sdk-metrics';
import { settlesWithin } from '../core/settles-within.ts';
import { figure, type Figure } from './figure.ts';
import { METRICS, type FleetMetric } from './metric-table.ts';
import type { Sdk } from './sdk.ts';

/** A scrape must not hang with the database: Prometheus waits 10 s by default. */
const READ_TIMEOUT_MS = 5_000;

interface ProducerOptions {
  readonly sdk: Sdk;
  readonly read: () => Promise<readonly Figure[]>;
  readonly onError: (error: unknown) => void;
}

/**
 * Gives the figures of the fleet to a reader of the OpenTelemetry SDK. Not through instruments: those would report
 * values that no longer exist, such as an alert that was closed, until the process ends.
 */
export function createFleetProducer({ sdk, read, onError }: ProducerOptions): MetricProducer {
  const startTime = toHrTime(Date.now());

  /** Reads the figures, and how the read went. */
  async function readInTime(): Promise<readonly Figure[]> {
    const startedAt = performance.now();
    let figures: readonly Figure[] = [];
    let isRead = false;
    const reading = read().then((value) => {
      figures = value;
      isRead = true;
    }, onError);
    await settlesWithin(reading, READ_TIMEOUT_MS);
    return [
      figure('longhaul_fleet_read_up', {}, isRead ? 1 : 0),
      figure('longhaul_fleet_read_seconds', {}, (performance.now() - startedAt) / 1_000),
      ...figures,
    ];
  }

  return {
    async collect(): Promise<CollectionResult> {
      const byName = Map.groupBy(await readInTime(), ({ name }) => name);
      const endTime = toHrTime(Date.now());
      const metrics = [...byName].map(([name, figures]) => toMetricData({ sdk, name, figures, startTime, endTime }));
      const scopeMetrics = [{ scope: { name: 'longhaul' }, metrics }];
      return { resourceMetrics: { resource: sdk.emptyResource(), scopeMetrics }, errors: [] };
    },
  };
}

interface DataOptions {
  readonly sdk: Sdk;
  readonly name: FleetMetric;
  readonly figures: readonly Figure[];
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function toMetricData({ sdk, name, figures, startTime, endTime }: DataOptions): MetricData {
  const { type, help } = METRICS[name];
  const dataPoints = figures.map(({ labels, value }) => ({ startTime, endTime, attributes: labels, value }));
  const shared = {
    descriptor: { name, description: help, unit: '', valueType: sdk.ValueType.DOUBLE },
    aggregationTemporality: sdk.AggregationTemporality.CUMULATIVE,
    dataPoints,
  };
  if (type === 'gauge') return { ...shared, dataPointType: sdk.DataPointType.GAUGE };
  return { ...shared, dataPointType: sdk.DataPointType.SUM, isMonotonic: true };
}

function toHrTime(ms: number): HrTime {
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];
}
