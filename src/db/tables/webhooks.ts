import type { ColumnType, Generated } from 'kysely';
import type { WebhookFormat } from '../../core/webhooks.ts';

export interface WebhookTables {
  'longhaul.webhook_endpoints': WebhookEndpointsTable;
  'longhaul.webhook_secrets': WebhookSecretsTable;
  'longhaul.webhook_former_secrets': WebhookFormerSecretsTable;
  'longhaul.webhook_deliveries': WebhookDeliveriesTable;
}

interface WebhookEndpointsTable {
  id: string;
  key_id: string;
  user_id: string | null;
  team: string | null;
  url: string;
  format: Generated<WebhookFormat>;
  events: string[];
  description: string | null;
  created_at: Generated<Date>;
  disabled_at: Generated<Date | null>;
}

interface WebhookSecretsTable {
  owner_id: string;
  secret: string;
  created_at: Generated<Date>;
}

interface WebhookFormerSecretsTable {
  secret: string;
  owner_id: string;
  signs_until: Date;
}

interface WebhookDeliveriesTable {
  id: string;
  run_id: string | null;
  session_id: ColumnType<string | null, string | null | undefined, never>;
  endpoint_id: string | null;
  key_id: string;
  type: string;
  url: string;
  body: string;
  lane: string;
  status: Generated<'pending' | 'delivered' | 'failed'>;
  attempts: Generated<number>;
  attempts_left: number;
  next_attempt_at: Generated<Date>;
  taken_until: Generated<Date | null>;
  created_at: Generated<Date>;
  last_attempt_at: Generated<Date | null>;
  delivered_at: Generated<Date | null>;
  response_status: Generated<number | null>;
  last_error: Generated<string | null>;
  response_text: Generated<string | null>;
}
