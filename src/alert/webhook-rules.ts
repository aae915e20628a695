import type { FailingWebhook } from './alert-facts.ts';
import type { Finding, Rule } from './rule.ts';

/** An alert about deliveries that have failed lasts as long after the last of them. */
const A_DAY_MS = 24 * 3_600_000;

/** Addresses with an alert of their own. What fails at more of them is most likely on our side. */
const MOST_TOLD = 20;

/** Deliveries of webhooks were given up. Over when the address takes a later one, or a day after the last. */
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

/** In its words the host alone: an address as a whole may be a secret. */
function toFinding({ lane, url, webhookId, keyId, deliveries, responseStatus, lastAt }: FailingWebhook): Finding {
  const host = URL.parse(url)?.host ?? 'an unknown host';
  const answer = responseStatus === null ? 'no answer came' : `the last answer was ${responseStatus}`;
  const which =
    webhookId === null
      ? `to addresses that runs of API key ${keyId} have named`
      : `of webhook ${webhookId}: longhaul webhooks deliveries ${webhookId}`;
  return {
    key: `webhook_failed:${lane}`,
    severity: 'warning',
    title: `Webhooks to ${host} fail`,
    detail: `In the last day ${countGivenUp(deliveries)}; ${answer}. They are ${which}. When it works again, send them again by hand.`,
    data: { host, webhookId, keyId, deliveries, responseStatus, lastFailedAt: lastAt.toISOString() },
  };
}

function toRest(others: readonly FailingWebhook[]): Finding {
  const deliveries = others.reduce((sum, other) => sum + other.deliveries, 0);
  return {
    key: 'webhook_failed',
    severity: 'warning',
    title: `Webhooks to ${others.length} more ${others.length === 1 ? 'address' : 'addresses'} fail`,
    detail: `In the last day ${countGivenUp(deliveries)}. So many at once: do the servers reach the internet?`,
    data: { addresses: others.length, deliveries },
  };
}

const countGivenUp = (deliveries: number) =>
  `${deliveries === 1 ? '1 delivery was' : `${deliveries} deliveries were`} given up`;
