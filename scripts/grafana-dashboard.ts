/** The Grafana dashboard, as `deploy/grafana/longhaul.json` has it. */

interface Query {
  readonly expr: string;
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  readonly description?: string;
  readonly unit?: string;
  readonly kind?: 'stat' | 'timeseries';
  readonly isStacked?: boolean;
  readonly queries: readonly Query[];
}

const one = (expr: string, legend = ''): Query[] => [{ expr, legend }];
/** Figures of the fleet are the same on every server. */
const fleet = (metric: string, by = '') => (by === '' ? `max(${metric})` : `max by (${by}) (${metric})`);
const quantiles = (metric: string, by = '') =>
  [0.5, 0.95].map((share) => ({
    expr: `histogram_quantile(${share}, sum by (le${by === '' ? '' : `, ${by}`}) (rate(${metric}_bucket[$__rate_interval])))`,
    legend: `p${share * 100}${by === '' ? '' : ` {{${by}}}`}`,
  }));
const rate = (metric: string) => `rate(${metric}[$__rate_interval])`;

const ROWS: Readonly<Record<string, readonly Panel[]>> = {
  Now: [
    { title: 'Wanted slots', kind: 'stat', queries: one(fleet('longhaul_wanted_slots')) },
    { title: 'Slots', kind: 'stat', queries: one(`sum(${fleet('longhaul_slots', 'state')})`) },
    { title: 'Open alerts', kind: 'stat', queries: one(`sum(${fleet('longhaul_alerts_open', 'rule')}) or vector(0)`) },
    {
      title: 'Oldest wait',
      kind: 'stat',
      unit: 's',
      queries: one(fleet('longhaul_queue_oldest_wait_seconds')),
    },
    {
      title: 'Approvals that wait',
      kind: 'stat',
      queries: one(`sum(${fleet('longhaul_approvals_pending', 'agent')})`),
    },
    {
      title: 'Cost of 24 hours',
      kind: 'stat',
      unit: 'currencyUSD',
      queries: one('sum(max by (agent, model) (increase(longhaul_cost_usd_total[24h])))'),
    },
  ],
  Load: [
    {
      title: 'Slots: wanted and available',
      queries: [
        { expr: fleet('longhaul_wanted_slots'), legend: 'wanted' },
        { expr: fleet('longhaul_slots', 'state'), legend: '{{state}}' },
      ],
    },
    {
      title: 'Queued and waiting runs',
      description: 'By the reason why they wait. More workers help only `ready` runs.',
      isStacked: true,
      queries: one(`sum by (state) (${fleet('longhaul_queue_runs', 'queue, state')})`, '{{state}}'),
    },
    { title: 'Workers', queries: one(fleet('longhaul_workers', 'state'), '{{state}}') },
    {
      title: 'Wait for a slot',
      unit: 's',
      queries: quantiles('longhaul_run_queue_wait_seconds'),
    },
  ],
  Runs: [
    {
      title: 'Runs that ended, per minute',
      isStacked: true,
      queries: one(
        `60 * sum by (status) (max by (agent, status, code) (${rate('longhaul_runs_finished_total')}))`,
        '{{status}}',
      ),
    },
    {
      title: 'Failures by code, per minute',
      isStacked: true,
      queries: one(
        `60 * sum by (code) (max by (agent, status, code) (${rate('longhaul_runs_finished_total{status="failed"}')}))`,
        '{{code}}',
      ),
    },
    { title: 'Time to the first text', unit: 's', queries: quantiles('longhaul_run_first_text_seconds', 'start') },
    { title: 'Duration', unit: 's', queries: quantiles('longhaul_run_duration_seconds') },
    {
      title: 'Attempts by outcome, per minute',
      isStacked: true,
      queries: one(
        `60 * sum by (outcome) (max by (agent, outcome) (${rate('longhaul_attempts_total')}))`,
        '{{outcome}}',
      ),
    },
    { title: 'Turns of a run', queries: quantiles('longhaul_run_turns') },
  ],
  Money: [
    {
      title: 'Cost per hour, by agent',
      unit: 'currencyUSD',
      isStacked: true,
      queries: one(`3600 * sum by (agent) (max by (agent, model) (${rate('longhaul_cost_usd_total')}))`, '{{agent}}'),
    },
    {
      title: 'Tokens per second, by class',
      isStacked: true,
      queries: one(`sum by (class) (max by (agent, model, class) (${rate('longhaul_tokens_total')}))`, '{{class}}'),
    },
    {
      title: 'Global budget',
      unit: 'percentunit',
      queries: one(fleet('longhaul_budget_used_ratio', 'period'), '{{period}}'),
    },
    { title: 'Cost of a run', unit: 'currencyUSD', queries: quantiles('longhaul_run_cost_usd') },
  ],
  Models: [
    {
      title: 'Model calls by outcome, per minute',
      isStacked: true,
      queries: one(`60 * sum by (outcome) (${rate('longhaul_gateway_requests_total')})`, '{{outcome}}'),
    },
    {
      title: 'Time until an answer begins',
      unit: 's',
      queries: quantiles('gen_ai_client_inference_time_to_first_chunk_seconds', 'gen_ai_request_model'),
    },
    {
      title: 'Time of a model call',
      unit: 's',
      queries: quantiles('gen_ai_client_inference_duration_seconds', 'gen_ai_request_model'),
    },
    {
      title: 'Limits of providers',
      queries: one(fleet('longhaul_provider_limited', 'provider, model'), '{{provider}} {{model}}'),
    },
    {
      title: 'Time of a tool',
      unit: 's',
      queries: quantiles('gen_ai_execute_tool_duration_seconds', 'gen_ai_tool_name'),
    },
  ],
  Processes: [
    { title: 'Memory', unit: 'bytes', queries: one('process_resident_memory_bytes', '{{instance}}') },
    { title: 'Delay of the event loop', unit: 's', queries: one('longhaul_event_loop_delay_seconds', '{{instance}}') },
    {
      title: 'Peak memory of an attempt',
      unit: 'bytes',
      queries: [
        ...quantiles('longhaul_attempt_peak_memory_bytes', 'agent'),
        { expr: fleet('longhaul_slot_memory_bytes'), legend: 'a slot' },
      ],
    },
    {
      title: 'Starts of processes, per minute',
      queries: one(`60 * sum by (kind) (${rate('longhaul_processes_started_total')})`, '{{kind}}'),
    },
    {
      title: 'HTTP requests by status, per second',
      isStacked: true,
      queries: one(
        `sum by (http_response_status_code) (${rate('http_server_request_duration_seconds_count')})`,
        '{{http_response_status_code}}',
      ),
    },
    { title: 'Open streams', queries: one('sum by (transport) (longhaul_streams_open)', '{{transport}}') },
    { title: 'Time to write events', unit: 's', queries: quantiles('longhaul_event_write_seconds') },
    {
      title: 'Figures that should stay at 0',
      queries: [
        { expr: 'sum(increase(longhaul_takeovers_total[1h]))', legend: 'runs of lost workers' },
        { expr: 'sum(increase(longhaul_leases_lost_total[1h]))', legend: 'lost leases' },
        { expr: 'sum(increase(longhaul_orphans_ended_total[1h]))', legend: 'orphans' },
        { expr: fleet('longhaul_webhook_deliveries_pending'), legend: 'webhooks that wait' },
        { expr: fleet('longhaul_audit_unchained_entries'), legend: 'audit entries that wait' },
      ],
    },
  ],
};

const WIDTH = 24;
const HEIGHT = { stat: 4, timeseries: 8 };
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/** Returns every query of the dashboard. */
export function dashboardQueries(): string[] {
  return Object.values(ROWS).flatMap((panels) => panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)));
}

/** Returns the text of the dashboard's file. */
export function toGrafanaDashboard(): string {
  let id = 0;
  let y = 0;
  const panels = Object.entries(ROWS).flatMap(([title, own]) => {
    const row = {
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: WIDTH, h: 1 },
      panels: [],
    };
    const kind = own[0]?.kind ?? 'timeseries';
    const perLine = kind === 'stat' ? own.length : own.length % 3 === 0 ? 3 : 2;
    const w = WIDTH / perLine;
    const placed = own.map((panel, index) => {
      const gridPos = {
        x: (index % perLine) * w,
        y: y + Math.floor(index / perLine) * HEIGHT[kind],
        w,
        h: HEIGHT[kind],
      };
      return toPanel(panel, { id: ++id, gridPos });
    });
    y += Math.ceil(own.length / perLine) * HEIGHT[kind];
    return [row, ...placed];
  });
  const dashboard = {
    uid: 'longhaul',
    title: 'Longhaul',
    tags: ['longhaul'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: [{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' }] },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function toPanel(panel: Panel, place: { readonly id: number; readonly gridPos: object }) {
  const { title, description = '', unit = 'short', kind = 'timeseries', isStacked = false, queries } = panel;
  const custom = { fillOpacity: isStacked ? 30 : 0, stacking: { mode: isStacked ? 'normal' : 'none' } };
  return {
    ...place,
    type: kind,
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: { defaults: { unit, min: 0, ...(kind === 'timeseries' && { custom }) }, overrides: [] },
    options: {},
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}
