import type { Generated } from 'kysely';

export interface AccessTables {
  'longhaul.api_keys': ApiKeysTable;
  'longhaul.secrets': { name: string; value: string; created_at: Generated<Date> };
  'longhaul.idempotency_keys': IdempotencyKeysTable;
  'longhaul.sign_ins': SignInsTable;
  'longhaul.sign_in_codes': SignInCodesTable;
}

interface ApiKeysTable {
  id: string;
  name: string;
  hash: string;
  scopes: string[];
  user_id: Generated<string | null>;
  team: Generated<string | null>;
  subject: Generated<string | null>;
  created_at: Generated<Date>;
  last_used_at: Generated<Date | null>;
  revoked_at: Generated<Date | null>;
}

interface IdempotencyKeysTable {
  owner: string;
  key: string;
  request_hash: string;
  run_ids: string[];
  created_at: Generated<Date>;
}

interface SignInsTable {
  id: string;
  hash: string;
  key_id: string;
  created_at: Generated<Date>;
  expires_at: Date;
}

interface SignInCodesTable {
  hash: string;
  key_id: string;
  created_at: Generated<Date>;
  expires_at: Date;
}
