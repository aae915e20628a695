import { readFileSync } from 'node:fs';
import type { MetricProducer } from '@opentelemetry/sdk-metrics';
import type { Config } from '../config/config.ts';
import { atMostEvery } from '../core/at-most-every.ts';
import { toMessage } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { describeService } from '../core/service-resource.ts';
import type { Fleet } from './fleet.ts';
import { createFleetProducer } from './fleet-producer.ts';
import { measureProcess } from './process-figures.ts';
import { createPushReader } from './push.ts';
import { measureRuntime } from './runtime-figures.ts';
import { loadSdk, type Sdk } from './sdk.ts';

/** Collects the metrics of a process until it is closed. */
export interface Collector {
  scrape(): Promise<string>;
  close(): Promise<void>;
}

interface CollectorOptions {
  readonly config: Config;
  /** Null when the metrics of the fleet are left to other processes. */
  readonly fleet: Fleet | null;
  readonly version: string;
  readonly workerId?: string | null;
  readonly log: Logger;
}

const LOG_EVERY_MS = 60_000;

/** Loads OpenTelemetry and begins to count. */
export async function openCollector(options: CollectorOptions): Promise<Collector> {
  const { config, version, log } = options;
  const sdk = await loadSdk();
  const metricProducers = createProducers(options, sdk);
  const scraped = new sdk.PrometheusExporter({ preventServerStart: true, metricProducers });
  const pushed = config.metrics.isPushed ? await createPushReader({ sdk, metricProducers, log }) : null;
  const provider = new sdk.MeterProvider({
    resource: await describeService({ instanceId: options.workerId ?? createId(), version }),
    readers: pushed === null ? [scraped] : [scraped, pushed],
  });
  const meter = provider.getMeter('longhaul', version);
  const stops = [
    measureProcess(meter, config),
    measureRuntime({ meter, versions: { version, sdk: readSdkVersion() } }),
  ];
  const serializer = new sdk.PrometheusSerializer(undefined, false, undefined, true, true);
  return {
    async scrape() {
      const { resourceMetrics } = await scraped.collect();
      return serializer.serialize(resourceMetrics);
    },
    async close() {
      for (const stop of stops) stop();
      // A collector that is away must not delay the end of the process.
      await provider.shutdown({ timeoutMillis: 2_000 }).catch(() => {});
    },
  };
}

/** Gives the figures of the fleet to readers. */
function createProducers({ fleet, log }: CollectorOptions, sdk: Sdk): MetricProducer[] {
  if (fleet === null) return [];
  const onError = atMostEvery(LOG_EVERY_MS, (error: unknown) =>
    log.warn({ err: error }, `the figures of the fleet could not be read: ${toMessage(error)}`),
  );
  return [createFleetProducer({ sdk, read: () => fleet.figures(), onError })];
}

/** Reads the version of the Agent SDK; empty when its package does not say. */
function readSdkVersion(): string {
  try {
    const place = new URL('./package.json', import.meta.resolve('@anthropic-ai/claude-agent-sdk'));
    return (JSON.parse(readFileSync(place, 'utf8')) as { version: string }).version;
  } catch {
    return '';
  }
}
