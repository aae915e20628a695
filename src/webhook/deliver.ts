import type { WebhooksConfig } from '../config/config.ts';
import { toWebhookHeaders } from '../core/webhooks.ts';
import type { Database } from '../db/database.ts';
import type { DueDelivery } from './due-deliveries.ts';
import { disableEndpoint, giveBack, noteAttempt } from './note-attempt.ts';
import { postWebhook, type PostEnvironment, type PostOutcome } from './post.ts';
import { readKeySecret, readSigningSecrets } from './secrets.ts';

/** Longest time of an attempt, including the host lookup. */
export const TIMEOUT_MS = 15_000;

const GONE = 410;

/** The reason why a delivery is given up. */
export interface GivenUp {
  readonly deliveryId: string;
  readonly webhookId: string | null;
  readonly attempts: number;
  readonly reason: string;
}

export interface DeliverOptions {
  readonly database: Database;
  readonly config: WebhooksConfig;
  readonly environment: PostEnvironment;
  readonly readNow: () => Promise<Date>;
  /** Aborts when the process is leaving: deliveries in progress are left to another server. */
  readonly leaving: AbortSignal;
  readonly onGivenUp: (facts: GivenUp) => void;
}

/**
 * Makes one attempt of a claimed delivery, and records its result. The delivery may arrive twice, when its process dies
 * after the post and before the record: both have one id. An endpoint that answers `410 Gone` receives nothing more.
 */
export async function deliver(delivery: DueDelivery, options: DeliverOptions): Promise<void> {
  const { database, leaving, readNow, onGivenUp } = options;
  const { endpointId, attempts, obstacle } = delivery;
  const { isAccepted, status, error, text } = obstacle === null ? await send(delivery, options) : toRefused(obstacle);
  if (!isAccepted && leaving.aborted && status === null) return giveBack(database, delivery);
  const isGone = status === GONE;
  if (isGone && endpointId !== null) await disableEndpoint(database, endpointId);
  const stands = await noteAttempt(database, delivery, {
    outcome: isAccepted ? 'delivered' : obstacle !== null || isGone ? 'refused' : 'missed',
    at: await readNow(),
    responseStatus: status,
    error,
    responseText: text,
  });
  if (stands !== 'failed') return;
  onGivenUp({ deliveryId: delivery.id, webhookId: endpointId, attempts, reason: error ?? 'unknown' });
}

async function send(delivery: DueDelivery, options: DeliverOptions): Promise<PostOutcome> {
  const { id, endpointId, keyId, url, body } = delivery;
  const { database, config, environment, leaving } = options;
  if (endpointId === null) await readKeySecret(database, keyId);
  const secrets = await readSigningSecrets(database, endpointId ?? keyId);
  // Deleted since the claim: no delivery is sent unsigned.
  if (secrets.length === 0) return toRefused('its webhook was removed');
  const headers = toWebhookHeaders({ id, sentAt: new Date(), body, secrets });
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  const signal = AbortSignal.any([leaving, deadline]);
  const outcome = await postWebhook({ ...environment, url, config, headers, body, signal });
  if (!deadline.aborted || outcome.status !== null) return outcome;
  return { ...outcome, error: `no answer within ${TIMEOUT_MS / 1_000} s` };
}

function toRefused(reason: string): PostOutcome {
  return { isAccepted: false, status: null, error: reason, text: null };
}
