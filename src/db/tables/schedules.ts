import type { ColumnType, Generated } from 'kysely';

export interface ScheduleTables {
  'longhaul.schedules': SchedulesTable;
}

interface SchedulesTable {
  id: string;
  name: string | null;
  agent: string;
  prompt: string;
  cron: string;
  time_zone: string;
  user_id: string | null;
  team: string | null;
  tenant: string | null;
  metadata: ColumnType<unknown, string, string>;
  priority: number;
  requested_limits: ColumnType<unknown, string, string>;
  webhook_url: string | null;
  missed: 'skip' | 'once' | 'all';
  created_by: string;
  created_at: Generated<Date>;
  paused_at: Generated<Date | null>;
  paused_reason: Generated<'by_hand' | 'key_revoked' | null>;
  next_at: Generated<Date | null>;
  last_at: Generated<Date | null>;
  last_run_id: Generated<string | null>;
  last_error: ColumnType<unknown, string | null | undefined, string | null>;
}
