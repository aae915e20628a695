/**
 * Every metric: its type, labels and meaning. `docs/metrics.md` is generated from it. Names carry their unit, as
 * Prometheus wants them; the same names are pushed by OTLP.
 */

export interface Metric {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly labels: readonly string[];
  /** Meaning for operators, in a line. */
  readonly help: string;
  /** `fleet`: read from the database, the same on every server. `process`: of the process that is scraped. */
  readonly scope: 'fleet' | 'process';
  /** Upper bounds of the buckets of a histogram. */
  readonly buckets?: readonly number[];
}

/** A bucket for each doubling, as the conventions for generative AI have them. */
const MODEL_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const RUN_SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 3_600];
const WAIT_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600];
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const MEBIBYTES = [128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048, 4_096].map((size) => size * 1_048_576);

const fleet = (type: 'gauge' | 'counter', labels: readonly string[], help: string) =>
  ({ type, labels, help, scope: 'fleet' }) as const;
const process = (type: 'gauge' | 'counter', labels: readonly string[], help: string) =>
  ({ type, labels, help, scope: 'process' }) as const;
const histogram = (labels: readonly string[], buckets: readonly number[], help: string) =>
  ({ type: 'histogram', labels, buckets, help, scope: 'process' }) as const;

export const METRICS = {
  longhaul_runs: fleet('gauge', ['agent', 'status'], 'Unfinished runs.'),
  longhaul_queue_runs: fleet('gauge', ['queue', 'state'], 'Queued and waiting runs, by the reason why they wait.'),
  longhaul_queue_oldest_wait_seconds: fleet(
    'gauge',
    ['queue'],
    'Time for which the oldest run waits that another slot would let begin; 0 when none does.',
  ),
  longhaul_queue_wanted_slots: fleet('gauge', ['queue'], 'Slots that a queue would use if there were enough of them.'),
  longhaul_wanted_slots: fleet(
    'gauge',
    [],
    'Slots that the fleet would use if there were enough of them: the number to scale by.',
  ),
  longhaul_wanted_workers: fleet('gauge', [], 'Workers with the configured number of slots for the wanted slots.'),
  longhaul_workers: fleet('gauge', ['state'], 'Live workers.'),
  longhaul_slots: fleet('gauge', ['state'], 'Slots of the live workers that are not draining.'),
  longhaul_slot_memory_bytes: fleet(
    'gauge',
    [],
    'Memory of a slot: the most that an attempt of the hungriest agent held lately.',
  ),
  longhaul_spares: fleet(
    'gauge',
    [],
    'Claude Code processes that wait for a run: pre-started, or kept from the last one.',
  ),
  longhaul_provider_limited: fleet(
    'gauge',
    ['provider', 'model'],
    '1 while a provider limits a model, or all models: runs wait.',
  ),
  longhaul_approvals_pending: fleet('gauge', ['agent'], 'Approvals that wait for a person.'),
  longhaul_approval_oldest_wait_seconds: fleet(
    'gauge',
    [],
    'Time for which the oldest approval waits; 0 when none does.',
  ),
  longhaul_budget_used_ratio: fleet('gauge', ['period'], 'Spent and reserved share of the global budget.'),
  longhaul_budgets_near_limit: fleet(
    'gauge',
    ['scope', 'level'],
    'Budgets of users and teams, and the global budgets, that are used to 80 % (level 80) or used up (level 100).',
  ),
  longhaul_alerts_open: fleet('gauge', ['rule', 'severity'], 'Open alerts.'),
  longhaul_webhook_deliveries_pending: fleet('gauge', [], 'Webhook deliveries that are not made yet.'),
  longhaul_webhook_oldest_pending_seconds: fleet(
    'gauge',
    [],
    'Age of the oldest webhook delivery that is not made yet; 0 when there is none.',
  ),
  longhaul_audit_unchained_entries: fleet('gauge', [], 'Audit entries that are not chained yet.'),
  longhaul_runs_finished_total: fleet('counter', ['agent', 'status', 'code'], 'Runs that ended.'),
  longhaul_attempts_total: fleet('counter', ['agent', 'outcome'], 'Attempts that ended.'),
  longhaul_attempts_lost_total: fleet('counter', ['agent'], 'Attempts whose worker was lost.'),
  longhaul_cost_usd_total: fleet('counter', ['agent', 'model'], 'Cost, by the ledger, in US dollars.'),
  longhaul_tokens_total: fleet('counter', ['agent', 'model', 'class'], 'Tokens, by the ledger.'),
  longhaul_compared_cost_usd_total: fleet(
    'counter',
    ['model', 'source'],
    'Cost of calls that both the Agent SDK and Longhaul have priced, by each; they differ by the drift.',
  ),
  longhaul_fleet_read_seconds: fleet(
    'gauge',
    [],
    'Time that the read of the figures of the fleet took; near 0 when a read of a moment ago was used.',
  ),
  longhaul_fleet_read_up: fleet('gauge', [], '0 when the figures of the fleet could not be read and are missing.'),
  longhaul_submissions_total: process('counter', ['agent', 'result'], 'Submissions at this server.'),
  longhaul_run_queue_wait_seconds: histogram(
    ['agent'],
    WAIT_SECONDS,
    'Time from the submission of a run, or its start time, to the claim of its first attempt.',
  ),
  longhaul_run_first_text_seconds: histogram(
    ['agent', 'start'],
    WAIT_SECONDS,
    'Time from the claim of an attempt to its first text. `start`: cold, spare (pre-started), warm (with the conversation), reused.',
  ),
  longhaul_run_duration_seconds: histogram(['agent', 'status'], RUN_SECONDS, 'Time that the attempts of a run took.'),
  longhaul_run_cost_usd: histogram(
    ['agent'],
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25],
    'Cost of a run in US dollars.',
  ),
  longhaul_run_turns: histogram(['agent'], [1, 2, 3, 5, 8, 12, 20, 30, 50, 100], 'Turns of a run.'),
  gen_ai_client_inference_duration_seconds: histogram(
    ['gen_ai_provider_name', 'gen_ai_request_model', 'error_type'],
    MODEL_SECONDS,
    'Time of a model call that was sent to a provider.',
  ),
  gen_ai_client_inference_time_to_first_chunk_seconds: histogram(
    ['gen_ai_provider_name', 'gen_ai_request_model'],
    MODEL_SECONDS,
    'Time until the answer to a model call began.',
  ),
  longhaul_gateway_requests_total: process(
    'counter',
    ['provider', 'outcome'],
    'Model calls at the gateway, also calls that it rejected before they were sent.',
  ),
  gen_ai_execute_tool_duration_seconds: histogram(
    ['gen_ai_tool_name', 'error_type'],
    [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
    'Time from a tool use to its result, with the wait for an approval.',
  ),
  longhaul_processes_started_total: process(
    'counter',
    ['agent', 'kind'],
    'Claude Code processes that were started, for an attempt (cold) or in advance (spare).',
  ),
  longhaul_processes_ended_total: process(
    'counter',
    ['step'],
    'Claude Code processes that were ended, by the step that sufficed.',
  ),
  longhaul_sandbox_connections_total: process(
    'counter',
    ['agent', 'decision'],
    'Connections from sandboxes to hosts other than the model, allowed or refused.',
  ),
  longhaul_orphans_ended_total: process('counter', [], 'Processes that dead workers had left behind.'),
  longhaul_queue_backend_away: process(
    'gauge',
    [],
    '1 while Redis or SQS wakes no workers: they check the database every 2 s.',
  ),
  longhaul_takeovers_total: process('counter', [], 'Runs of lost workers that this worker queued again or ended.'),
  longhaul_leases_lost_total: process('counter', [], 'Leases that this worker lost.'),
  longhaul_attempt_peak_memory_bytes: histogram(['agent'], MEBIBYTES, 'The most memory that an attempt held.'),
  longhaul_event_buffer_characters: process('gauge', [], 'Size of the events that wait for the database.'),
  longhaul_event_write_seconds: histogram([], REQUEST_SECONDS, 'Time to write a batch of events.'),
  longhaul_streams_open: process('gauge', ['transport'], 'Open streams of events.'),
  longhaul_stream_lag_seconds: histogram(
    ['transport'],
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    'Time from the write of an event, by the clock of the database, to its delivery to a client that follows live.',
  ),
  longhaul_streams_dropped_total: process(
    'counter',
    ['transport'],
    'Streams that were closed because their client did not read.',
  ),
  http_server_request_duration_seconds: histogram(
    ['http_request_method', 'http_route', 'http_response_status_code'],
    REQUEST_SECONDS,
    'Time until the response to a request began.',
  ),
  longhaul_event_loop_delay_seconds: process(
    'gauge',
    [],
    '99th percentile of the delay of the event loop, over the last 10 seconds.',
  ),
  longhaul_db_connections: process(
    'gauge',
    ['state'],
    'Connections to PostgreSQL in the pools of this process, in use (active) or idle.',
  ),
  process_resident_memory_bytes: process('gauge', [], 'Resident memory of this process.'),
  process_cpu_seconds_total: process('counter', [], 'Processor time of this process.'),
  longhaul_build_info: process('gauge', ['version', 'sdk', 'node'], 'Always 1; the labels have the versions.'),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
type NamesOf<Scope extends Metric['scope']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['scope'] extends Scope ? Name : never;
}[MetricName];
export type FleetMetric = NamesOf<'fleet'>;
export type ProcessMetric = NamesOf<'process'>;

/** The labels of a metric, each with its value. */
export type LabelsOf<Name extends MetricName> = Record<(typeof METRICS)[Name]['labels'][number], string>;
