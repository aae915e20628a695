import type { WebhooksConfig } from '../config/config.ts';
import { WEBHOOK_DELAYS_SECONDS, toWebhookHeaders } from '../core/webhooks.ts';
import type { Database } from '../db/database.ts';
import { disableEndpoint, giveBack, noteAttempt, type DueDelivery } from './due-deliveries.ts';
import { postWebhook, type PostEnvironment, type PostOutcome } from './post.ts';
import { readKeySecret, readSigningSecrets } from './secrets.ts';

/** How long an attempt may take, with the search for the address. */
export const TIMEOUT_MS = 15_000;

/** By so much of itself a wait is shorter or longer, so that what failed together does not come back together. */
const JITTER = 0.1;

const GONE = 410;

/** Why a delivery is given up. */
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
  /** Aborts when the process is leaving: what is on its way is left to another. */
  readonly leaving: AbortSignal;
  readonly onGivenUp: (facts: GivenUp) => void;
}

/**
 * Makes one attempt of a delivery that was taken, and writes down how it went. It may come twice, when its process dies
 * between the telling and the note of it: both carry one id. Who answers `410 Gone` is told nothing more.
 */
export async function deliver(delivery: DueDelivery, options: DeliverOptions): Promise<void> {
  const { database, leaving, readNow, onGivenUp } = options;
  const { endpointId, attempts, attemptsLeft, obstacle } = delivery;
  const outcome = obstacle === null ? await send(delivery, options) : toRefused(obstacle);
  const { status: responseStatus, error, text: responseText } = outcome;
  const facts = { responseStatus, error, responseText };
  if (outcome.isAccepted)
    return noteAttempt(database, delivery, { ...facts, status: 'delivered', at: await readNow() });
  if (leaving.aborted && responseStatus === null) return giveBack(database, delivery);
  const isGone = responseStatus === GONE;
  if (isGone && endpointId !== null) await disableEndpoint(database, endpointId);
  if (obstacle !== null || isGone || attemptsLeft <= 0) {
    await noteAttempt(database, delivery, { ...facts, status: 'failed' });
    onGivenUp({ deliveryId: delivery.id, webhookId: endpointId, attempts, reason: error ?? 'unknown' });
    return;
  }
  const nextAttemptAt = new Date((await readNow()).getTime() + toDelayMs(attemptsLeft));
  await noteAttempt(database, delivery, { ...facts, status: 'pending', nextAttemptAt });
}

async function send(delivery: DueDelivery, options: DeliverOptions): Promise<PostOutcome> {
  const { id, endpointId, keyId, url, body } = delivery;
  const { database, config, environment, leaving } = options;
  if (endpointId === null) await readKeySecret(database, keyId);
  const secrets = await readSigningSecrets(database, endpointId ?? keyId);
  // Removed since it was taken: nothing goes out unsigned.
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

/** How long to wait before the next attempt, of which so many are left. */
function toDelayMs(attemptsLeft: number): number {
  const seconds = WEBHOOK_DELAYS_SECONDS.at(-attemptsLeft)!;
  return seconds * 1_000 * (1 + JITTER * (2 * Math.random() - 1));
}
