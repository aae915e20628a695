import { Webhook } from 'standardwebhooks';

/**
 * Events of runs that a webhook can subscribe to. Stored data and part of the contract: a name is chosen once and never
 * renamed.
 */
export const WEBHOOK_EVENTS = ['run.succeeded', 'run.failed', 'run.cancelled', 'run.waiting'] as const;

export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Events of Claude Managed Agents that a webhook can subscribe to, under the names that Anthropic's client knows. */
export const MANAGED_WEBHOOK_EVENTS = [
  'session.created',
  'session.updated',
  'session.archived',
  'session.deleted',
  'session.status_run_started',
  'session.status_idled',
  'session.status_rescheduled',
  'session.status_terminated',
  'session.requires_action',
  'session.budget_reached',
  'agent.created',
  'agent.updated',
  'agent.archived',
  'environment.created',
  'environment.updated',
  'environment.archived',
  'environment.deleted',
  'deployment.created',
  'deployment.updated',
  'deployment.paused',
  'deployment.unpaused',
  'deployment.archived',
  'deployment_run.started',
  'deployment_run.failed',
] as const;

export type ManagedWebhookEvent = (typeof MANAGED_WEBHOOK_EVENTS)[number];

/** The events of each format of webhooks. A webhook has one format, and so events of runs or of managed agents. */
export const EVENTS_OF_FORMAT = {
  longhaul: WEBHOOK_EVENTS,
  anthropic: MANAGED_WEBHOOK_EVENTS,
} as const;

export type WebhookFormat = keyof typeof EVENTS_OF_FORMAT;

export const WEBHOOK_FORMATS = Object.keys(EVENTS_OF_FORMAT) as WebhookFormat[];

interface ManagedMessage {
  /** The delivery. */
  readonly id: string;
  readonly type: ManagedWebhookEvent | 'webhook.test';
  /** The id of the object that the event is about, such as a session. */
  readonly subject: string;
  readonly at: Date;
}

/** Returns the body of a webhook of the format `anthropic`: what has happened to which object, and nothing of it. */
export function toManagedBody({ id, type, subject, at }: ManagedMessage): string {
  const data = { type, id: subject, organization_id: 'longhaul', workspace_id: 'default' };
  return JSON.stringify({ type: 'event', id, created_at: at.toISOString(), data });
}

/**
 * Seconds to wait after each failed attempt: about a day in total, as Standard Webhooks advises. Another attempt
 * follows the last wait.
 */
export const WEBHOOK_DELAYS_SECONDS = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800] as const;

/** Maximum number of attempts of a delivery. */
export const WEBHOOK_ATTEMPTS = WEBHOOK_DELAYS_SECONDS.length + 1;

interface SignOptions {
  readonly id: string;
  /** By this machine's clock: receivers reject a message that is minutes old. */
  readonly sentAt: Date;
  readonly body: string;
  /** Each secret adds a signature. None: the message is unsigned. */
  readonly secrets: readonly string[];
}

/** Returns the headers of a Standard Webhook. */
export function toWebhookHeaders({ id, sentAt, body, secrets }: SignOptions): Record<string, string> {
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, sentAt, body));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  };
}
