import { tmpdir } from 'node:os';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import type { CreatedWebhookResource, WebhookDeliveryResource, WebhookResource } from '../api/contract.ts';
import { createLog } from '../core/log.ts';
import { startReceiver, type Receiver } from '../webhook/receiver.fixture.ts';
import { startWebhooks, type Webhooks } from '../webhook/start-webhooks.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

describe('longhaul webhooks', () => {
  let operator: OperatorServer;
  let receiver: Receiver;
  let webhooks: Webhooks;

  const longhaul = (args: string[]) => runCommand(args, { cwd: tmpdir(), env: operator.env });

  beforeAll(async () => {
    [operator, receiver] = await Promise.all([
      startOperatorServer({ webhooks: { allowHttp: true, allowPrivateAddresses: true } }),
      startReceiver(),
    ]);
    const { database, rules } = operator.service;
    webhooks = await startWebhooks({ database, config: rules.webhooks, log: createLog('error') });
  });
  afterAll(async () => {
    await webhooks.stop();
    await operator.close();
    await receiver.close();
  });

  it('creates one and prints its secret, lists its deliveries, and repeats one', async () => {
    const made = await longhaul(['webhooks', 'create', receiver.url, '--event', 'run.cancelled']);
    expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^whsec_\S+\n$/) as string });
    const [id = ''] = /[\da-f-]{36}/.exec(made.stderr) ?? [];
    expect((await longhaul(['webhooks', 'list'])).stdout).toMatch(
      new RegExp(`^ID +STATE +AGE +URL +EVENTS\n${id} +active +\\d+ s +${receiver.url} +run.cancelled\n`),
    );
    const run = JSON.parse((await longhaul(['run', 'reader', 'hello', '--json'])).stdout) as { id: string };
    await longhaul(['cancel', run.id]);
    await receiver.until(1);
    const [told] = receiver.received as [(typeof receiver.received)[number]];
    const headers = told.headers as Record<string, string>;
    expect(new Webhook(made.stdout.trim()).verify(told.body, headers)).toMatchObject({ type: 'run.cancelled' });
    const list = async () =>
      (
        JSON.parse((await longhaul(['webhooks', 'deliveries', id, '--json'])).stdout) as {
          data: WebhookDeliveryResource[];
        }
      ).data;
    await expect.poll(async () => (await list())[0]?.status, { timeout: 20_000 }).toBe('delivered');
    const [delivery] = await list();
    expect((await longhaul(['webhooks', 'deliveries', id])).stdout).toMatch(
      / delivered +run\.cancelled +\d+ s +1 +204\n$/,
    );
    expect((await longhaul(['webhooks', 'redeliver', delivery!.id])).stdout).toMatch(/is queued again\.\n$/);
    await receiver.until(2);
    expect(await longhaul(['webhooks', 'delete', id])).toMatchObject({
      exitCode: 0,
      stdout: `Webhook ${id} is deleted.\n`,
    });
    const { data } = JSON.parse((await longhaul(['webhooks', 'list', '--json'])).stdout) as { data: WebhookResource[] };
    expect(data).toEqual([]);
  });

  it('creates one for the events of managed agents', async () => {
    const args = ['webhooks', 'create', receiver.url, '--format', 'anthropic', '--event', 'session.status_idled'];
    const made = JSON.parse((await longhaul([...args, '--json'])).stdout) as CreatedWebhookResource;
    expect(made).toMatchObject({ format: 'anthropic', events: ['session.status_idled'] });
    expect((await longhaul(['webhooks', 'delete', made.id])).exitCode).toBe(0);
    const mixed = await longhaul(['webhooks', 'create', receiver.url, '--event', 'session.status_idled']);
    expect(mixed.exitCode).not.toBe(0);
    expect(mixed.stderr).toContain('run.succeeded');
  });

  it('rejects an invalid address, event and id', async () => {
    expect((await longhaul(['webhooks', 'create', 'ftp://x'])).stderr).toContain('must be an https URL');
    expect((await longhaul(['webhooks', 'create', receiver.url, '--event', 'x'])).stderr).toContain('run.succeeded, ');
    expect(await longhaul(['webhooks', 'deliveries', 'x'])).toMatchObject({ exitCode: 2 });
  });
});
