import { Webhook } from 'standardwebhooks';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { Problem, WebhookSecretResource } from '../api/contract.ts';
import { useWebhooks } from './webhooks.fixture.ts';

describe.each(DATABASE_KINDS)('secrets of webhooks, on the %s database', (kind) => {
  const suite = useWebhooks(kind);
  const { create } = suite;

  const rotate = (id: string) =>
    suite.bench.call<WebhookSecretResource | Problem>(`/v1/webhooks/${id}/rotate`, { method: 'POST' });
  const isMade = (answer: WebhookSecretResource | Problem): answer is WebhookSecretResource => 'secret' in answer;

  /** Ends a run, and returns which of these secrets verify its delivery. */
  async function verifying(secrets: readonly string[], changes: object = {}): Promise<boolean[]> {
    const count = suite.receiver.received.length;
    await suite.finish(changes);
    const { body, headers } = (await suite.receiver.until(count + 1))[count]!;
    return secrets.map((secret) => {
      try {
        return Boolean(new Webhook(secret).verify(body, headers as Record<string, string>));
      } catch {
        return false;
      }
    });
  }

  /** Moves the replacement of a secret a day into the past. */
  const age = (secret: string) =>
    sql`update longhaul.webhook_former_secrets set signs_until = now() - interval '1 s' where secret = ${secret}`.execute(
      suite.bench.database.sql,
    );

  it('that were replaced sign beside the new one for a day each, however soon that is replaced again', async () => {
    const { id, secret: first } = await create();
    await suite.bench.startServer();
    const [second, third] = [await rotate(id), await rotate(id)];
    if (!isMade(second) || !isMade(third)) throw new Error('a secret was not replaced');
    expect(Date.parse(second.previousUntil!) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect(Date.parse(third.previousUntil!)).toBeGreaterThan(Date.parse(second.previousUntil!));
    const secrets = [first, second.secret, third.secret];
    expect(await verifying(secrets)).toEqual([true, true, true]);
    await age(first);
    expect(await verifying(secrets)).toEqual([false, true, true]);
    await age(second.secret);
    expect(await verifying(secrets)).toEqual([false, false, true]);
    await suite.bench.removeWebhook(id);
    const { rows } = await sql`select from longhaul.webhook_former_secrets where owner_id = ${id}`.execute(
      suite.bench.database.sql,
    );
    expect(rows).toEqual([]);
  });

  it('of six requests at once are all in force if they were created, and at most five sign', async () => {
    const { id, secret: first } = await create();
    await suite.bench.startServer();
    const answers = await Promise.all(Array.from({ length: 6 }, () => rotate(id)));
    const made = answers.filter(isMade).map(({ secret }) => secret);
    expect(new Set(made).size).toBe(4);
    const refused = answers.flatMap((answer) => (isMade(answer) ? [] : [`${answer.status} ${answer.code}`]));
    expect(refused).toEqual(['409 conflict', '409 conflict']);
    expect(await verifying([first, ...made])).toEqual([true, true, true, true, true]);
    expect(suite.receiver.received.at(-1)!.headers['webhook-signature']).toMatch(/^(v1,\S+ ){4}v1,\S+$/);
    const { rows } = await sql<{ action: string }>`
      select action from longhaul.audit where subject = ${id} and action = 'webhook.secret_rotated'`.execute(
      suite.bench.database.sql,
    );
    expect(rows).toHaveLength(4);
    await age(first);
    const next = await rotate(id);
    if (!isMade(next)) throw new Error('a secret was not replaced');
    expect(await verifying([first, ...made, next.secret])).toEqual([false, true, true, true, true, true]);
    await suite.bench.removeWebhook(id);
  });

  it('of an API key are kept for a day as well; the first is created by the request for it', async () => {
    const webhookUrl = suite.receiver.url;
    const secrets: string[] = [];
    for (let count = 0; count < 3; count++) {
      const answer = await rotate('secret');
      if (!isMade(answer)) throw new Error('a secret was not replaced');
      secrets.push(answer.secret);
      expect(answer.previousUntil === null).toBe(count === 0);
      expect(await suite.bench.call('/v1/webhooks/secret')).toEqual(answer);
    }
    await suite.bench.startServer();
    expect(await verifying(secrets, { webhookUrl })).toEqual([true, true, true]);
  });
});
