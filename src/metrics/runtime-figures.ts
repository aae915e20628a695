import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { countConnections } from '../db/open-pools.ts';
import { repeat } from '../core/timers.ts';
import { METRICS, type ProcessMetric } from './metric-table.ts';

const WINDOW_MS = 10_000;
const NANOSECONDS = 1e9;

interface RuntimeOptions {
  readonly meter: Meter;
  readonly versions: { readonly version: string; readonly sdk: string };
}

/** Measures the Node process itself, until the returned function is called. */
export function measureRuntime({ meter, versions }: RuntimeOptions): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let delaySeconds = 0;
  const timer = repeat(WINDOW_MS, () => {
    delaySeconds = delay.percentile(99) / NANOSECONDS;
    delay.reset();
  });
  const observe = (name: ProcessMetric, read: () => number) => {
    const options = { description: METRICS[name].help };
    const instrument =
      METRICS[name].type === 'counter'
        ? meter.createObservableCounter(name, options)
        : meter.createObservableGauge(name, options);
    instrument.addCallback((result) => result.observe(read()));
  };
  observe('longhaul_event_loop_delay_seconds', () => delaySeconds);
  observe('process_resident_memory_bytes', () => process.memoryUsage.rss());
  observe('process_cpu_seconds_total', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000_000;
  });
  meter
    .createObservableGauge('longhaul_db_connections', { description: METRICS.longhaul_db_connections.help })
    .addCallback((result) => {
      for (const [state, count] of Object.entries(countConnections())) result.observe(count, { state });
    });
  meter
    .createObservableGauge('longhaul_build_info', { description: METRICS.longhaul_build_info.help })
    .addCallback((result) => result.observe(1, { ...versions, node: process.versions.node }));
  return () => {
    clearInterval(timer);
    delay.disable();
  };
}
