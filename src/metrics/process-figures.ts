import type { Meter } from '@opentelemetry/api';
import type { Config } from '../config/config.ts';
import { PROVIDER_NAMES } from '../core/gen-ai.ts';
import { onReport } from '../core/process-events.ts';
import { createLabelLimit } from './label-limit.ts';
import { METRICS, type LabelsOf, type ProcessMetric } from './metric-table.ts';
import { createToolLabel } from './tool-label.ts';

/** Changes a metric of the process: adds to a counter or a gauge, or records a value of a histogram. */
type Change = <Name extends ProcessMetric>(name: Name, labels: LabelsOf<Name>, value: number) => void;

/** Creates the instruments of the table of metrics when they are first used. */
function createInstruments(meter: Meter): Change {
  const instruments = new Map<string, (value: number, labels: Record<string, string>) => void>();
  const create = (name: ProcessMetric) => {
    const { type, help: description, ...metric } = METRICS[name];
    if (type === 'histogram') {
      const explicitBucketBoundaries = 'buckets' in metric ? [...metric.buckets] : [];
      const histogram = meter.createHistogram(name, { description, advice: { explicitBucketBoundaries } });
      return histogram.record.bind(histogram);
    }
    const options = { description };
    const sum = type === 'counter' ? meter.createCounter(name, options) : meter.createUpDownCounter(name, options);
    return sum.add.bind(sum);
  };
  return (name, labels, value) => {
    const instrument = instruments.get(name) ?? create(name);
    instruments.set(name, instrument);
    // The conventions leave out a label that does not apply; for Prometheus that is the same as an empty one.
    instrument(value, Object.fromEntries(Object.entries<string>(labels).filter(([, label]) => label !== '')));
  };
}

/** Metrics without a label that should stay at 0: they are there before anything happens. */
const FLAT = ['longhaul_orphans_ended_total', 'longhaul_takeovers_total', 'longhaul_leases_lost_total'] as const;

/** Counts and times what this process reports, until the returned function is called. */
export function measureProcess(meter: Meter, config: Config): () => void {
  const change = createInstruments(meter);
  for (const name of FLAT) change(name, {}, 0);
  change('longhaul_event_buffer_characters', {}, 0);
  for (const transport of ['sse', 'websocket'] as const) change('longhaul_streams_open', { transport }, 0);
  const stops = [
    ...measureRuns(change),
    ...measureModels(change, config),
    ...measureProcesses(change),
    ...measureHttp(change),
    ...measureQueueBackend(change, config),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function measureRuns(change: Change): (() => void)[] {
  return [
    onReport('run.submitted', (labels) => change('longhaul_submissions_total', labels, 1)),
    onReport('run.claimed', ({ agent, waitMs }) =>
      change('longhaul_run_queue_wait_seconds', { agent }, Math.max(0, waitMs) / 1_000),
    ),
    onReport('attempt.answered', ({ durationMs, ...labels }) =>
      change('longhaul_run_first_text_seconds', labels, durationMs / 1_000),
    ),
    onReport('attempt.ended', ({ agent, peakMemoryBytes, run }) => {
      if (peakMemoryBytes !== null) change('longhaul_attempt_peak_memory_bytes', { agent }, peakMemoryBytes);
      if (run === null) return;
      change('longhaul_run_duration_seconds', { agent, status: run.status }, run.durationMs / 1_000);
      change('longhaul_run_cost_usd', { agent }, run.costUsd);
      change('longhaul_run_turns', { agent }, run.turns);
    }),
    onReport('run.taken_over', () => change('longhaul_takeovers_total', {}, 1)),
    onReport('lease.lost', () => change('longhaul_leases_lost_total', {}, 1)),
    onReport('events.buffered', ({ characters }) => change('longhaul_event_buffer_characters', {}, characters)),
    onReport('events.written', ({ durationMs }) => change('longhaul_event_write_seconds', {}, durationMs / 1_000)),
  ];
}

function measureModels(change: Change, config: Config): (() => void)[] {
  const models = createLabelLimit([...config.agents.values()].map(({ model }) => model));
  const toolLabel = createToolLabel(config);
  return [
    onReport('model.called', ({ provider, model, outcome, durationMs, firstByteMs }) => {
      change('longhaul_gateway_requests_total', { provider, outcome }, 1);
      if (REJECTED.has(outcome)) return;
      // Only the provider knows which models exist: an agent's tools can ask for any name.
      if (outcome === 'ok') models.admit(model);
      const labels = {
        gen_ai_provider_name: PROVIDER_NAMES[config.providers.get(provider)?.kind ?? 'anthropic'],
        gen_ai_request_model: models.label(model),
      };
      const error_type = outcome === 'ok' ? '' : outcome;
      change('gen_ai_client_inference_duration_seconds', { ...labels, error_type }, durationMs / 1_000);
      if (firstByteMs === null || outcome !== 'ok') return;
      change('gen_ai_client_inference_time_to_first_chunk_seconds', labels, firstByteMs / 1_000);
    }),
    onReport('tool.ended', ({ name, isError, durationMs }) => {
      const labels = { gen_ai_tool_name: toolLabel(name), error_type: isError ? 'tool_error' : '' };
      change('gen_ai_execute_tool_duration_seconds', labels, durationMs / 1_000);
    }),
  ];
}

/** Outcomes of calls that were never sent. */
const REJECTED: ReadonlySet<string> = new Set(['budget', 'turns', 'refused']);

function measureProcesses(change: Change): (() => void)[] {
  return [
    onReport('process.started', (labels) => change('longhaul_processes_started_total', labels, 1)),
    onReport('sandbox.connected', (labels) => change('longhaul_sandbox_connections_total', labels, 1)),
    onReport('process.ended', (labels) => change('longhaul_processes_ended_total', labels, 1)),
    onReport('orphans.ended', ({ count }) => change('longhaul_orphans_ended_total', {}, count)),
  ];
}

function measureQueueBackend(change: Change, { queueBackend }: Config): (() => void)[] {
  if (queueBackend === null) return [];
  let shown = 0;
  change('longhaul_queue_backend_away', {}, shown);
  return [
    onReport('queue.backend', ({ isAway }) => {
      const value = isAway ? 1 : 0;
      change('longhaul_queue_backend_away', {}, value - shown);
      shown = value;
    }),
  ];
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function measureHttp(change: Change): (() => void)[] {
  return [
    onReport('http.answered', ({ method, route, status, durationMs }) => {
      const labels = {
        http_request_method: METHODS.has(method) ? method : '_OTHER',
        http_route: route ?? '',
        http_response_status_code: String(status),
      };
      change('http_server_request_duration_seconds', labels, durationMs / 1_000);
    }),
    onReport('stream.opened', (labels) => change('longhaul_streams_open', labels, 1)),
    onReport('stream.closed', (labels) => change('longhaul_streams_open', labels, -1)),
    onReport('stream.sent', ({ transport, lagMs }) =>
      change('longhaul_stream_lag_seconds', { transport }, lagMs / 1_000),
    ),
    onReport('stream.dropped', (labels) => change('longhaul_streams_dropped_total', labels, 1)),
  ];
}
