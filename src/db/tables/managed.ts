import type { ColumnType, Generated } from 'kysely';

type Json = ColumnType<unknown, string, string>;

export interface ManagedTables {
  'longhaul.managed_agents': ManagedAgentsTable;
  'longhaul.managed_agent_versions': ManagedAgentVersionsTable;
  'longhaul.managed_environments': ManagedEnvironmentsTable;
  'longhaul.managed_sessions': ManagedSessionsTable;
  'longhaul.managed_notes': ManagedNotesTable;
  'longhaul.managed_answers': ManagedAnswersTable;
  'longhaul.managed_deployments': ManagedDeploymentsTable;
  'longhaul.managed_deployment_runs': ManagedDeploymentRunsTable;
}

export interface ManagedAgentsTable {
  id: string;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  archived_at: Date | null;
  version: number;
}

export interface ManagedAgentVersionsTable {
  agent_id: string;
  version: number;
  agent: Json;
  created_at: Generated<Date>;
}

export interface ManagedEnvironmentsTable {
  id: string;
  name: string;
  description: string | null;
  config: Json;
  metadata: Json;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  archived_at: Date | null;
}

export interface ManagedSessionsTable {
  id: string;
  agent_id: string;
  agent_version: number;
  agent: Json;
  definition: ColumnType<unknown, string | null, string | null>;
  environment_id: string;
  title: string | null;
  metadata: Json;
  budget_micros: number | null;
  initial_budget_micros: number | null;
  shown_status: Generated<string>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  archived_at: Date | null;
  deployment_id: Generated<string | null>;
}

export interface ManagedNotesTable {
  id: string;
  position: Generated<number>;
  session_id: string;
  turn: number;
  is_after: boolean;
  seq: number | null;
  type: string;
  data: Json;
  at: Generated<Date>;
}

export interface ManagedAnswersTable {
  owner: string;
  hash: string;
  status: number;
  body: Json;
  at: Generated<Date>;
}

export interface ManagedDeploymentsTable {
  id: string;
  name: string;
  description: string | null;
  agent_id: string;
  agent_version: number;
  environment_id: string;
  initial_events: Json;
  metadata: Json;
  budget_micros: number | null;
  user_id: string | null;
  team: string | null;
  tenant: string | null;
  viewer_user: string | null;
  viewer_team: string | null;
  created_by: string;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  archived_at: Generated<Date | null>;
  cron: string | null;
  time_zone: string | null;
  missed: Generated<'skip' | 'once' | 'all'>;
  paused_at: Generated<Date | null>;
  paused_reason: Generated<
    'by_hand' | 'key_revoked' | 'agent_archived' | 'environment_archived' | 'environment_not_found' | null
  >;
  next_at: Date | null;
  last_at: Generated<Date | null>;
  last_run_at: Generated<Date | null>;
}

export interface ManagedDeploymentRunsTable {
  id: string;
  deployment_id: string;
  agent_id: string;
  agent_version: number;
  scheduled_at: Date | null;
  session_id: string | null;
  error: ColumnType<unknown, string | null, string | null>;
  created_at: Generated<Date>;
}
