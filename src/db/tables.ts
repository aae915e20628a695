import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { AttemptEnd, RunStatus } from '../core/states.ts';
import type { AccessTables } from './tables/access.ts';
import type { ApprovalTables } from './tables/approvals.ts';
import type { ConversationTables } from './tables/conversations.ts';
import type { ManagedTables } from './tables/managed.ts';
import type { HealthTables } from './tables/health.ts';
import type { MetricTables } from './tables/metrics.ts';
import type { ScheduleTables } from './tables/schedules.ts';
import type { StatsTables } from './tables/stats.ts';
import type { WebhookTables } from './tables/webhooks.ts';

/** JSON stored as it is written: a text that PostgreSQL checks. Read as the value it describes. */
type Json<T> = ColumnType<T, string, string>;
type DefaultJson<T> = ColumnType<T, string | undefined, string>;
type Timestamp = ColumnType<Date, Date | undefined, Date>;
type Nullable<T> = ColumnType<T | null, T | null | undefined, T | null>;

export interface Tables
  extends
    AccessTables,
    ApprovalTables,
    ConversationTables,
    ManagedTables,
    HealthTables,
    MetricTables,
    ScheduleTables,
    StatsTables,
    WebhookTables {
  'longhaul.runs': RunsTable;
  'longhaul.run_events': RunEventsTable;
  'longhaul.attempts': AttemptsTable;
  'longhaul.ledger_entries': LedgerEntriesTable;
  'longhaul.cost_rollups': CostRollupsTable;
  'longhaul.budget_accounts': BudgetAccountsTable;
  'longhaul.budgets': BudgetsTable;
  'longhaul.provider_limits': ProviderLimitsTable;
  'longhaul.workers': WorkersTable;
  'longhaul.sessions': SessionsTable;
  'longhaul.session_entries': SessionEntriesTable;
  'longhaul.session_files': SessionFilesTable;
  'longhaul.queues': {
    name: string;
    paused_at: Date | null;
    due_until: Nullable<Date>;
    replaced_at: Nullable<Date>;
  };
  'longhaul.queue_backend': { is_only: Generated<boolean>; deployment_id: string };
  'longhaul.audit': AuditTable;
  'longhaul.audit_head': { seq: number; hash: string };
  'longhaul.audit_seals': AuditSealsTable;
  'longhaul.alerts': AlertsTable;
  'longhaul.alert_deliveries': AlertDeliveriesTable;
  'longhaul.alert_rules': { rule: string; taken_at: Date; turn: number; looked_until: Date | null };
}

export interface RunsTable {
  id: string;
  agent: string;
  queue: string;
  status: RunStatus;
  waiting_for: Nullable<string>;
  prompt: string;
  parts: ColumnType<unknown, string | null | undefined, string | null>;
  user_id: Nullable<string>;
  team: Nullable<string>;
  tenant: Nullable<string>;
  session_id: string;
  session_turn: Generated<number>;
  metadata: Json<unknown>;
  priority: number;
  limits: Json<unknown>;
  retry_policy: Json<unknown>;
  requested_limits: ColumnType<unknown, string | null | undefined, string | null>;
  attempt: Generated<number>;
  max_attempts: number;
  retry_of: Nullable<string>;
  is_retried: Generated<boolean>;
  created_by: string;
  created_at: Timestamp;
  start_after: Nullable<Date>;
  started_at: Nullable<Date>;
  finished_at: Nullable<Date>;
  cancel_requested_at: Nullable<Date>;
  fence: Generated<number>;
  lease_worker_id: Nullable<string>;
  lease_expires_at: Nullable<Date>;
  event_seq: Generated<number>;
  result: Nullable<string>;
  structured_output: ColumnType<unknown, string | null | undefined, string | null>;
  error_code: Nullable<string>;
  error_detail: Nullable<string>;
  error_category: Nullable<string>;
  cost_micros: Generated<number>;
  input_tokens: Generated<number>;
  output_tokens: Generated<number>;
  cache_read_tokens: Generated<number>;
  cache_creation_tokens: Generated<number>;
  model_usage: DefaultJson<unknown>;
  tool_uses: DefaultJson<unknown>;
  denied_tool_uses: DefaultJson<unknown>;
  turns: Generated<number>;
  duration_ms: Nullable<number>;
  reserved_micros: Generated<number>;
  reserved_on: Nullable<Date>;
  fair_rank: Generated<number>;
  team_rank: Generated<number>;
  held_for: Nullable<'user' | 'agent' | 'all' | 'session'>;
  waits_for_scope: Nullable<'user' | 'team' | 'global' | 'session'>;
  parked_at: Nullable<Date>;
  parked_ms: Generated<number>;
  unnamed_parks: Generated<number>;
  deltas_folded_at: Nullable<Date>;
  webhook_url: Nullable<string>;
  webhook_key_id: Nullable<string>;
  schedule_id: Nullable<string>;
  scheduled_for: Nullable<Date>;
  trace: ColumnType<unknown, string | null | undefined, string | null>;
  ends_idle: Generated<boolean>;
  session_ceiling_micros: Nullable<number>;
  is_managed: Generated<boolean>;
}

export interface RunEventsTable {
  run_id: string;
  seq: number;
  type: string;
  attempt: number;
  at: Timestamp;
  data: Json<unknown>;
  position: Generated<number>;
  user_id: Nullable<string>;
  team: Nullable<string>;
  tenant: Nullable<string>;
}

interface AttemptsTable {
  id: string;
  run_id: string;
  number: number;
  worker_id: string;
  fence: number;
  started_at: Timestamp;
  finished_at: Nullable<Date>;
  outcome: Nullable<AttemptEnd>;
  error_code: Nullable<string>;
  error_detail: Nullable<string>;
  exit_code: Nullable<number>;
  signal: Nullable<string>;
  stderr_tail: Nullable<string>;
  claude_code_version: Nullable<string>;
  metered: ColumnType<unknown, string | null | undefined, string | null>;
  metered_cost_micros: Generated<number>;
  peak_memory_bytes: Nullable<number>;
  agent: Nullable<string>;
  reported: ColumnType<unknown, string | null | undefined, string | null>;
  reported_cost_micros: Nullable<number>;
  lost_at: Nullable<Date>;
  worker_survived: Generated<boolean>;
}

interface LedgerEntriesTable {
  attempt_id: string;
  position: number;
  run_id: string;
  attempt: number;
  agent: string;
  user_id: string | null;
  team: string | null;
  tenant: Nullable<string>;
  model: string | null;
  requested_models: Generated<string[]>;
  outcome: string;
  concludes: string | null;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_creation_tokens: number;
  cache_creation_1h_tokens: number;
  thinking_tokens: number | null;
  web_searches: number;
  cost_micros: number;
  sdk_cost_micros: number | null;
  own_cost_micros: number | null;
  is_estimated: Generated<boolean>;
  duration_ms: number;
  at: Timestamp;
}

interface CostRollupsTable {
  dimension: 'total' | 'user' | 'team' | 'agent' | 'model';
  period: 'day' | 'month';
  start: Date;
  key: string;
  runs: number;
  succeeded_runs: number;
  attempts: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_creation_tokens: number;
  cache_creation_1h_tokens: number;
  thinking_tokens: number;
  cost_micros: number;
  retried_micros: number;
  own_cost_micros: number;
  unpriced_micros: number;
  unpriced_entries: number;
  compared_sdk_micros: number;
  compared_own_micros: number;
}

interface BudgetAccountsTable {
  scope: 'user' | 'team' | 'global';
  key: string;
  period: 'day' | 'month';
  start: Date;
  spent_micros: Generated<number>;
  reserved_micros: Generated<number>;
}

interface BudgetsTable {
  scope: 'user' | 'team' | 'global';
  key: string;
  day_micros: number | null;
  month_micros: number | null;
  updated_at: Timestamp;
}

interface ProviderLimitsTable {
  account: string;
  model: string;
  kind: 'rate_limit' | 'overloaded';
  message: string;
  since: Timestamp;
  until: Date;
  strikes: Generated<number>;
  next_probe_at: Date;
}

interface WorkersTable {
  id: string;
  host: string;
  pid: number;
  version: string;
  slots: number;
  started_at: Timestamp;
  heartbeat_at: Timestamp;
  free_memory_bytes: Nullable<number>;
  containment: Nullable<string>;
  spares: Generated<number>;
  holding_reason: Nullable<string>;
  drain_requested_at: Nullable<Date>;
  fault: Nullable<string>;
  agents: Nullable<string[]>;
  queues: Nullable<string[]>;
  pool_size: Nullable<number>;
  last_stall_ms: Nullable<number>;
  last_stalled_at: Nullable<Date>;
}

interface SessionsTable {
  id: string;
  agent: string;
  user_id: Nullable<string>;
  team: Nullable<string>;
  tenant: Nullable<string>;
  created_at: Timestamp;
  last_turn: Generated<number>;
  forked_from: Nullable<string>;
  claude_session_id: Nullable<string>;
  holder_run_id: Nullable<string>;
  holder_fence: Nullable<number>;
  entry_count: Generated<number>;
  updated_at: Timestamp;
  is_managed: Generated<boolean>;
}

interface SessionEntriesTable {
  session_id: string;
  position: number;
  run_id: string;
  subpath: Generated<string>;
  uuid: Nullable<string>;
  entry: Json<unknown>;
}

interface SessionFilesTable {
  session_id: string;
  name: string;
  run_id: string;
  content: Uint8Array;
  kept_at: Generated<Date>;
}

export interface AlertsTable {
  id: string;
  key: string;
  rule: string;
  severity: 'info' | 'warning' | 'critical';
  state: ColumnType<'open' | 'resolved', 'open' | 'resolved' | undefined, 'open' | 'resolved'>;
  title: string;
  detail: string;
  data: Json<unknown>;
  opened_at: Date;
  last_seen_at: Date;
  notified_at: Date;
  times_notified: Generated<number>;
  resolved_at: Nullable<Date>;
  acknowledged_at: Nullable<Date>;
  acknowledged_by: Nullable<string>;
}

export interface AlertDeliveriesTable {
  id: string;
  alert_id: string;
  channel: string;
  what: 'opened' | 'repeated' | 'resolved';
  content: Json<unknown>;
  status: ColumnType<'pending' | 'delivered' | 'failed', 'pending' | undefined, 'pending' | 'delivered' | 'failed'>;
  attempts: Generated<number>;
  next_attempt_at: Date;
  last_error: Nullable<string>;
  at: Date;
  delivered_at: Nullable<Date>;
}

interface AuditTable {
  id: GeneratedAlways<number>;
  seq: Nullable<number>;
  at: Timestamp;
  actor: string;
  action: string;
  subject: string;
  data: string;
  prev_hash: Nullable<string>;
  hash: Nullable<string>;
}

interface AuditSealsTable {
  /** Written as a text, `2026-01-31`; read it as a text too: as a `Date` it is midnight of this machine's time zone. */
  day: ColumnType<Date, string, never>;
  first_seq: number;
  last_seq: number;
  entries: number;
  last_hash: string;
  prev_hash: string;
  hash: string;
  removed_at: Nullable<Date>;
}
