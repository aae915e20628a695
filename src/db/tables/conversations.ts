import type { ColumnType, Generated } from 'kysely';

export interface ConversationTables {
  'longhaul.messages': MessagesTable;
}

export interface MessagesTable {
  id: string;
  run_id: string;
  prompt: string;
  submission: ColumnType<unknown, string, never>;
  created_at: Generated<Date>;
  taken_up_at: ColumnType<Date | null, never, Date | null>;
  is_told: Generated<boolean>;
}
