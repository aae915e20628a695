import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Message } from '../../alert/channels/channel.ts';
import { openChannel } from '../../alert/channels/open-channel.ts';
import { verifyWebhook } from '../../client/verify-webhook.ts';
import { toMessage } from '../../core/errors.ts';
import { guarded } from '../../core/guard.ts';
import { createId } from '../../core/ids.ts';
import { createLog } from '../../core/log.ts';
import { toWebhookHeaders } from '../../core/webhooks.ts';
import { postWebhook } from '../../webhook/post.ts';
import { failed, passed, skipped, startClock, type Drill } from '../drill.ts';

const CHANNEL_TIMEOUT_MS = 15_000;

export const testAlert: Drill = {
  id: 'test-alert',
  title: 'A test alert reaches each channel',
  async perform({ config }) {
    const channels = config.alerts.channels.filter(({ type }) => type !== 'log');
    if (channels.length === 0) return skipped('alerts.channels names no channel but the log.');
    const ends = await Promise.all(
      channels.map(async (channel) => {
        const clock = startClock();
        try {
          const { send } = openChannel(channel, createLog('silent'));
          await send(toTestMessage(), AbortSignal.timeout(CHANNEL_TIMEOUT_MS));
          return { isDelivered: true, text: `${channel.name} in ${clock()}` };
        } catch (error) {
          return { isDelivered: false, text: `${channel.name}: ${toMessage(error)}` };
        }
      }),
    );
    const lost = ends.filter(({ isDelivered }) => !isDelivered);
    if (lost.length > 0) return failed(`not delivered: ${lost.map(({ text }) => text).join('; ')}`);
    return passed(`delivered: ${ends.map(({ text }) => text).join(', ')}`);
  },
};

function toTestMessage(): Message {
  const at = new Date();
  const now = at.toISOString();
  return {
    id: createId(),
    what: 'opened',
    at,
    alert: {
      id: createId(),
      key: 'drill',
      rule: 'drill',
      severity: 'info',
      state: 'open',
      title: 'This is a test of longhaul doctor --drill',
      detail: 'Nothing is wrong: the alerts of this deployment arrive here.',
      data: {},
      openedAt: now,
      lastSeenAt: now,
      notifiedAt: now,
      timesNotified: 1,
      resolvedAt: null,
      acknowledgedAt: null,
      acknowledgedBy: null,
    },
  };
}

export const webhook: Drill = {
  id: 'webhook',
  title: 'A webhook is signed and delivered',
  async perform({ config }, signal) {
    const received = Promise.withResolvers<{ headers: IncomingHttpHeaders; body: string }>();
    const receive = guarded(async (request: IncomingMessage, response: ServerResponse) => {
      const body = await text(request);
      response.writeHead(204).end();
      received.resolve({ headers: request.headers, body });
    });
    const receiver = createServer(receive);
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    try {
      const clock = startClock();
      const secret = `whsec_${randomBytes(24).toString('base64')}`;
      const sentAt = new Date();
      const body = JSON.stringify({ type: 'webhook.test', timestamp: sentAt.toISOString(), data: {} });
      const outcome = await postWebhook({
        url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
        // This address alone, in addition to those of the configuration.
        config: { ...config.webhooks, allowHttp: true, allow: [...config.webhooks.allow, '127.0.0.1'] },
        headers: toWebhookHeaders({ id: createId(), sentAt, body, secrets: [secret] }),
        body,
        signal,
      });
      if (!outcome.isAccepted) return failed(`it was not delivered to this machine: ${outcome.error}`);
      const { headers, body: arrived } = await received.promise;
      const { type } = await verifyWebhook(arrived, headers, secret);
      return passed(`${type} was signed, delivered to this machine and verified in ${clock()}`);
    } finally {
      receiver.closeAllConnections();
      receiver.close();
    }
  },
};
