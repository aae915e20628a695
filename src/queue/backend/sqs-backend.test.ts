import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AWS_CREDENTIALS, startSqsServer, type SqsServer } from '../../../test/support/sqs-server.ts';
import { createSqsBackend } from './sqs-backend.ts';
import type { SqsClients } from './sqs-clients.ts';

describe('the backend SQS', () => {
  let server: SqsServer;
  let direct: SQSClient;
  const stubCredentials = () => {
    for (const [name, value] of Object.entries(AWS_CREDENTIALS)) vi.stubEnv(name, value);
  };
  beforeAll(async () => {
    stubCredentials();
    server = await startSqsServer();
    direct = new SQSClient({ region: 'eu-west-1', endpoint: server.endpoint, useQueueUrlAsEndpoint: false });
  });
  afterAll(async () => {
    direct.destroy();
    vi.unstubAllEnvs();
    await server.close();
  });

  const warnings: string[] = [];
  const log = { warn: (...args: unknown[]) => void warnings.push(String(args[1])) };
  const create = (onClients?: (clients: SqsClients) => void) =>
    createSqsBackend({
      region: 'eu-west-1',
      endpoint: server.endpoint,
      log,
      waitSeconds: 2,
      ...(onClients && { onClients }),
    });
  const open = async (deployment: string, queues = ['a']) => {
    const backend = create();
    await backend.prepare(deployment, queues);
    return backend;
  };

  it('ends the start with one sentence when there are no credentials', async () => {
    for (const name of Object.keys(AWS_CREDENTIALS)) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_CONFIG_FILE', '/none');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/none');
    try {
      const error = await open('abc120').catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'config_invalid' });
      expect(String(error)).toContain('Longhaul found no credentials: give the process a role');
    } finally {
      vi.unstubAllEnvs();
      stubCredentials();
    }
  });

  it('ends the start with one sentence when a right is missing', async () => {
    const refusing = create(({ quick }) =>
      quick.middlewareStack.add(
        () => () =>
          Promise.reject(
            Object.assign(new Error('not authorized to perform: sqs:createqueue'), { name: 'AccessDenied' }),
          ),
        { step: 'initialize' },
      ),
    );
    const error = await refusing.prepare('abc120', ['a']).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'config_invalid' });
    expect(String(error)).toContain('refuses Longhaul: AccessDenied: not authorized to perform: sqs:createqueue');
  });

  it('uses queues that were created beforehand, whatever their attributes', async () => {
    const QueueName = 'longhaul-abc121-a';
    await direct.send(new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '77' } }));
    const backend = await open('abc121');
    await backend.send('a', 1);
    expect(await backend.count('a')).toBe(1);
    await backend.close();
  });

  it('sends, receives, gives back, discards and counts', async () => {
    const backend = await open('abc122');
    const receiver = backend.openReceiver();
    await backend.send('a', 25);
    expect(await backend.count('a')).toBe(25);
    const delivery = await receiver.receive([{ queue: 'a', room: 4 }]);
    expect(delivery?.count).toBe(4);
    await delivery?.giveBack();
    expect(await backend.count('a')).toBe(25);
    const again = await receiver.receive([{ queue: 'a', room: 50 }]);
    await again?.accept();
    expect(await backend.count('a')).toBe(25 - again!.count);
    await backend.discard('a', 100);
    expect(await backend.count('a')).toBe(0);
    await backend.close();
  });

  it('leaves messages of others alone, and warns once', async () => {
    const backend = await open('abc123');
    const QueueUrl = (
      await direct.send(
        new CreateQueueCommand({ QueueName: 'longhaul-abc123-a', Attributes: { MessageRetentionPeriod: '1209600' } }),
      )
    ).QueueUrl;
    await direct.send(new SendMessageCommand({ QueueUrl, MessageBody: 'a stranger' }));
    expect(await backend.openReceiver().receive([{ queue: 'a', room: 5 }])).toBeNull();
    expect(warnings).toEqual(['the SQS queue has messages that are not wake-ups of this deployment: they are ignored']);
    await backend.close();
  });

  it('creates a queue again that was deleted', async () => {
    const backend = await open('abc124');
    await server.kill();
    await server.start();
    await expect(backend.send('a', 1)).rejects.toThrow();
    await backend.send('a', 1);
    expect(await backend.count('a')).toBe(1);
    await backend.close();
  });

  it('notices within its deadlines that the server is silent', async () => {
    const backend = await open('abc125');
    server.freeze();
    const startedAt = performance.now();
    try {
      const receiving = backend.openReceiver().receive([{ queue: 'a', room: 1 }]);
      await Promise.all([expect(receiving).rejects.toThrow(), expect(backend.send('a', 1)).rejects.toThrow()]);
      expect(performance.now() - startedAt).toBeLessThan(9_000);
    } finally {
      server.thaw();
    }
    await backend.close();
  });
});
