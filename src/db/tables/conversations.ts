import type { ColumnType, Generated } from 'kysely';

export interface ConversationTables {
  'longhaul.messages': MessagesTable;
  'longhaul.files': FilesTable;
  'longhaul.run_files': { run_id: string; file_id: string };
}

export interface MessagesTable {
  id: string;
  run_id: string;
  prompt: string;
  parts: ColumnType<unknown, string | null | undefined, never>;
  submission: ColumnType<unknown, string, never>;
  created_at: Generated<Date>;
  taken_up_at: ColumnType<Date | null, never, Date | null>;
  is_told: Generated<boolean>;
}

export interface FilesTable {
  id: string;
  is_listed: boolean;
  name: string | null;
  media_type: string;
  size: number;
  content: Uint8Array;
  user_id: string | null;
  team: string | null;
  tenant: string | null;
  created_at: Generated<Date>;
  deleted_at: ColumnType<Date | null, never, Date>;
  unused_since: ColumnType<Date | null, Date | null, Date | null>;
}
