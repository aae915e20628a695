import type { ColumnType, Generated } from 'kysely';

export interface ApprovalTables {
  'longhaul.approvals': ApprovalsTable;
  'longhaul.custom_tool_uses': CustomToolUsesTable;
}

export interface ApprovalsTable {
  id: string;
  run_id: string;
  session_id: string;
  user_id: string | null;
  team: string | null;
  tenant: string | null;
  agent: string;
  attempt: number;
  tool_use_id: string;
  kind: 'tool' | 'question' | 'custom';
  tool: string;
  input: ColumnType<unknown, string, never>;
  input_hash: string;
  subagent: string | null;
  status: Generated<'pending' | 'allowed' | 'denied' | 'expired' | 'cancelled'>;
  updated_input: ColumnType<unknown, string | null | undefined, string | null>;
  reason: Generated<string | null>;
  decided_by: Generated<string | null>;
  decided_at: Generated<Date | null>;
  requested_at: Generated<Date>;
  expires_at: Date;
  consumed_at: Generated<Date | null>;
  consumed_by: Generated<string | null>;
  is_requested_told: Generated<boolean>;
  is_resolved_told: Generated<boolean>;
}

/** Beside an approval of the kind `custom`. */
export interface CustomToolUsesTable {
  approval_id: string;
  input: ColumnType<unknown, string, never>;
  result: ColumnType<unknown, string | null | undefined, string | null>;
}
