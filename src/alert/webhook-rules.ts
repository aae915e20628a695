import type { FailingWebhook } from './alert-facts.ts';
import type { Finding, Rule } from './rule.ts';

/** An alert about failed deliveries lasts this long after the last of them. */
const A_DAY_MS = 24 * 3_600_000;

/** Maximum number of addresses with a separate alert. If more of them fail, the cause is probably on our side. */
const MOST_TOLD = 20;

/**
 * Finds webhooks whose deliveries were given up. Resolved when the address accepts a later delivery, or a day after the
 * last failure.
 */
export const webhookFailed: Rule = {
  name: 'webhook_failed',
  isRepeated: false,
  calm: 1,
  async find({ facts, now }) {
    const failing = await facts.failingWebhooks({ since: new Date(now.getTime() - A_DAY_MS) });
    const others = failing.slice(MOST_TOLD);
    return [...failing.slice(0, MOST_TOLD).map(toFinding), ...(others.length === 0 ? [] : [toRest(others)])];
  },
};

/** Uses only the host in its text, because a whole address may be a secret. */
function toFinding({ lane, url, webhookId, keyId, deliveries, responseStatus, lastAt }: FailingWebhook): Finding {
  const host = URL.parse(url)?.host ?? 'an unknown host';
  const answer = responseStatus === null ? 'there was no answer' : `the last answer was ${responseStatus}`;
  const which =
    webhookId === null
      ? `to addresses that runs of API key ${keyId} have named`
      : `of webhook ${webhookId}: longhaul webhooks deliveries ${webhookId}`;
  return {
    key: `webhook_failed:${lane}`,
    severity: 'warning',
    title: `Webhooks to ${host} fail`,
    detail: `In the last day ${countGivenUp(deliveries)}; ${answer}. They are ${which}. When the receiver works again, redeliver them by hand.`,
    data: { host, webhookId, keyId, deliveries, responseStatus, lastFailedAt: lastAt.toISOString() },
  };
}

function toRest(others: readonly FailingWebhook[]): Finding {
  const deliveries = others.reduce((sum, other) => sum + other.deliveries, 0);
  return {
    key: 'webhook_failed',
    severity: 'warning',
    title: `Webhooks to ${others.length} more ${others.length === 1 ? 'address' : 'addresses'} fail`,
    detail: `In the last day ${countGivenUp(deliveries)}. Check whether the servers can reach the internet.`,
    data: { addresses: others.length, deliveries },
  };
}

const countGivenUp = (deliveries: number) =>
  `${deliveries === 1 ? '1 delivery was' : `${deliveries} deliveries were`} given up`;
