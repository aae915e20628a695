import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { LonghaulWebhookError, verifyWebhook } from './verify-webhook.ts';

const SECRET = `whsec_${Buffer.from('a secret of at least 24 bytes').toString('base64')}`;
const OTHER = `whsec_${Buffer.from('another one of 24 bytes or so').toString('base64')}`;
const BODY = JSON.stringify({
  type: 'run.succeeded',
  timestamp: '2026-01-31T09:00:00.000Z',
  data: { run: { result: 'Grüße' } },
});

/** Signs like the library of Standard Webhooks. */
function sign({ secret = SECRET, sentAt = new Date(), body = BODY } = {}) {
  return {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign('msg_1', sentAt, body),
  };
}

describe('a webhook', () => {
  it('is accepted with the headers of fetch or of Node, as text or as bytes', async () => {
    for (const headers of [sign(), new Headers(sign())]) {
      for (const body of [BODY, new TextEncoder().encode(BODY)]) {
        expect(await verifyWebhook(body, headers, SECRET)).toEqual(JSON.parse(BODY));
      }
    }
  });

  it('is accepted when one of several signatures matches one of several secrets', async () => {
    const headers = { ...sign(), 'webhook-signature': `v1a,xx v1,### ${sign({ secret: OTHER })['webhook-signature']}` };
    expect(await verifyWebhook(BODY, headers, [SECRET, OTHER])).toMatchObject({ type: 'run.succeeded' });
  });

  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
  it.each([
    ['was changed', `${BODY} `, sign()],
    ['was signed by another', BODY, sign({ secret: OTHER })],
    ['is old', BODY, sign({ sentAt: minutesAgo(6) })],
    ['is from the future', BODY, sign({ sentAt: minutesAgo(-6) })],
    ['bears another id', BODY, { ...sign(), 'webhook-id': 'msg_2' }],
    ['is not signed', BODY, { ...sign(), 'webhook-signature': undefined }],
    ['has a time that is none', BODY, { ...sign(), 'webhook-timestamp': 'now' }],
    ['has a signature that is none', BODY, { ...sign(), 'webhook-signature': 'v1,???' }],
  ])('is rejected when it %s', async (_, body, headers) => {
    await expect(verifyWebhook(body, headers, SECRET)).rejects.toBeInstanceOf(LonghaulWebhookError);
  });
});
