import type { ColumnType, Generated } from 'kysely';

type Json = ColumnType<unknown, string, string>;

export interface ManagedTables {
  'longhaul.managed_agents': ManagedAgentsTable;
  'longhaul.managed_agent_versions': ManagedAgentVersionsTable;
  'longhaul.managed_environments': ManagedEnvironmentsTable;
  'longhaul.managed_sessions': ManagedSessionsTable;
  'longhaul.managed_notes': ManagedNotesTable;
  'longhaul.managed_answers': ManagedAnswersTable;
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
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  archived_at: Date | null;
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
