import type { Generated } from 'kysely';

export interface HealthTables {
  'longhaul.agent_checks': AgentChecksTable;
}

interface AgentChecksTable {
  is_one: Generated<boolean>;
  run_id: string | null;
  earlier_run_id: string | null;
  begun_at: Date;
}
