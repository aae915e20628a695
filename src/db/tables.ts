import type { ColumnType, Generated } from 'kysely';
import type { RunStatus } from '../core/states.ts';

/** JSON as it is written: a text that PostgreSQL checks. Read back as the value it describes. */
type Json<T> = ColumnType<T, string, string>;
type DefaultJson<T> = ColumnType<T, string | undefined, string>;
type Timestamp = ColumnType<Date, Date | undefined, Date>;
type Nullable<T> = ColumnType<T | null, T | null | undefined, T | null>;

export interface Tables {
  'longhaul.runs': RunsTable;
  'longhaul.run_events': RunEventsTable;
  'longhaul.attempts': AttemptsTable;
  'longhaul.ledger': LedgerTable;
  'longhaul.workers': WorkersTable;
  'longhaul.sessions': SessionsTable;
  'longhaul.session_entries': SessionEntriesTable;
  'longhaul.queues': { name: string; paused_at: Date | null };
  'longhaul.api_keys': ApiKeysTable;
}

export interface RunsTable {
  id: string;
  agent: string;
  queue: string;
  status: RunStatus;
  waiting_for: Nullable<string>;
  prompt: string;
  user_id: Nullable<string>;
  session_id: string;
  metadata: Json<unknown>;
  priority: number;
  limits: Json<unknown>;
  retry_policy: Json<unknown>;
  requested_limits: ColumnType<unknown, string | null | undefined, string | null>;
  attempt: Generated<number>;
  max_attempts: number;
  retry_of: Nullable<string>;
  created_by: string;
  idempotency_key: Nullable<string>;
  request_hash: Nullable<string>;
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
  cost_micros: Generated<number>;
  input_tokens: Generated<number>;
  output_tokens: Generated<number>;
  cache_read_tokens: Generated<number>;
  cache_creation_tokens: Generated<number>;
  model_usage: DefaultJson<unknown>;
  tool_uses: DefaultJson<unknown>;
  turns: Generated<number>;
  duration_ms: Nullable<number>;
}

interface RunEventsTable {
  run_id: string;
  seq: number;
  type: string;
  attempt: number;
  at: Timestamp;
  data: Json<unknown>;
}

interface AttemptsTable {
  id: string;
  run_id: string;
  number: number;
  worker_id: string;
  fence: number;
  started_at: Timestamp;
  finished_at: Nullable<Date>;
  outcome: Nullable<string>;
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
}

interface LedgerTable {
  attempt_id: string;
  run_id: string;
  attempt: number;
  agent: string;
  user_id: Nullable<string>;
  outcome: string;
  models: Json<unknown>;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_creation_tokens: number;
  cost_micros: number;
  duration_ms: number;
  at: Timestamp;
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
}

interface SessionsTable {
  id: string;
  claude_session_id: Nullable<string>;
  holder_run_id: Nullable<string>;
  holder_fence: Nullable<number>;
  entry_count: Generated<number>;
  updated_at: Timestamp;
}

interface SessionEntriesTable {
  session_id: string;
  position: number;
  run_id: string;
  subpath: Generated<string>;
  uuid: Nullable<string>;
  entry: Json<unknown>;
}

interface ApiKeysTable {
  id: string;
  name: string;
  hash: string;
  scopes: string[];
  created_at: Timestamp;
  revoked_at: Nullable<Date>;
}
