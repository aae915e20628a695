import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { ListQueuesCommand, PurgeQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { findFreePort } from './embedded-postgres.ts';

const SERVER = path.resolve(import.meta.dirname, '../fixtures/sqs-server.ts');

/** An SQS server for one test file, in a separate process. */
export interface SqsServer {
  /** The address of the server, as `?endpoint=` of a queue URL takes it. */
  readonly endpoint: string;
  /** Kills it; its queues are lost. */
  kill(): Promise<void>;
  /** Starts it again, without queues, at the same port. */
  start(): Promise<void>;
  /** Stops the process without closing a connection, like a network that drops packets. */
  freeze(): void;
  thaw(): void;
  /** Removes all messages. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export async function startSqsServer(): Promise<SqsServer> {
  const port = await findFreePort();
  let child: ChildProcess | null = null;

  async function start(): Promise<void> {
    child = fork(SERVER, [String(port)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('The SQS server did not start.'))),
    ]);
  }

  async function kill(): Promise<void> {
    if (child === null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    child = null;
  }

  await start();
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    flush: () => purge(endpoint),
    close: kill,
  };
}

async function purge(endpoint: string): Promise<void> {
  const client = new SQSClient({
    region: 'eu-west-1',
    endpoint,
    useQueueUrlAsEndpoint: false,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const { QueueUrls = [] } = await client.send(new ListQueuesCommand({}));
  await Promise.all(QueueUrls.map((QueueUrl) => client.send(new PurgeQueueCommand({ QueueUrl }))));
  client.destroy();
}

/** Sets the credentials that the SDK finds, unless the process has some: the server checks no signature. */
export const AWS_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' } as const;
