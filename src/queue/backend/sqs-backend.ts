import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type Message,
} from '@aws-sdk/client-sqs';
import type { Logger } from '../../core/log.ts';
import type { Delivery, WakeUpBackend } from './backend.ts';
import { createSqsClients, type SqsClients } from './sqs-clients.ts';
import { isSqsThrottle, toSqsRefusal } from './sqs-errors.ts';
import { createSqsQueues } from './sqs-queues.ts';

/** The most of SQS: messages of one request. */
const MOST_AT_ONCE = 10;

/** Requests that send at once. */
const PARALLEL = 8;

/**
 * Time for which a received wake-up stays invisible, in seconds. A claim takes milliseconds; a poll whose worker was
 * killed may still swallow a wake-up for so long.
 */
const INVISIBLE_SECONDS = 10;

interface SqsBackendOptions {
  readonly region: string;
  readonly endpoint: string | null;
  readonly log: Pick<Logger, 'warn'>;
  /** Time that a poll waits, in seconds. Defaults to 10: a worker that stops waits for its polls. */
  readonly waitSeconds?: number;
  /** Set to true to create no queue, for an examination. Defaults to false. */
  readonly isReadOnly?: boolean;
  /** Called with each client, for tests that add AWS's bad behaviour. */
  readonly onClients?: (clients: SqsClients) => void;
}

/**
 * Stores wake-ups as messages of one standard queue for each queue of Longhaul. Nothing depends on their order, on single
 * delivery or on the delays of SQS.
 */
export function createSqsBackend(options: SqsBackendOptions): WakeUpBackend {
  const { region, endpoint, log, waitSeconds = 10, isReadOnly = false } = options;
  const clients = createSqsClients({ region, endpoint, waitMs: waitSeconds * 1_000 });
  options.onClients?.(clients);
  const { quick, waiting } = clients;
  const queues = createSqsQueues(quick, { isReadOnly });
  const warned = new Set<string>();
  let deployment = '';
  /** The queue that a probe asks for: the first that was used. */
  let probed: string | undefined;

  const bodyOf = (queue: string) => JSON.stringify({ longhaul: deployment, queue });

  /** Leaves the messages of others alone: they become visible again. */
  function ownOf(queue: string, messages: readonly Message[]): readonly Message[] {
    const own = messages.filter(({ Body }) => Body === bodyOf(queue));
    if (own.length < messages.length && !warned.has(queue)) {
      warned.add(queue);
      log.warn({ queue }, 'the SQS queue has messages that are not wake-ups of this deployment: they are ignored');
    }
    return own;
  }

  async function sendBatch(url: string, { body, count }: { body: string; count: number }): Promise<void> {
    const Entries = Array.from({ length: count }, (_, index) => ({ Id: String(index), MessageBody: body }));
    const { Failed = [] } = await quick.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    if (Failed.length > 0) throw new Error(`SQS did not take ${Failed.length} wake-ups: ${Failed[0]?.Code}`);
  }

  const remove = async (url: string, messages: readonly Message[]) => {
    if (messages.length === 0) return;
    await quick.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries: toEntries(messages) }));
  };

  const show = async (url: string, messages: readonly Message[]) => {
    const Entries = toEntries(messages).map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
    await quick.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }));
  };

  async function receive(queue: string, room: number): Promise<Delivery | null> {
    probed ??= queue;
    return queues.withUrl(queue, async (url) => {
      const { Messages = [] } = await waiting.send(toReceive(url, { most: room, waitSeconds }));
      const own = ownOf(queue, Messages);
      if (own.length === 0) return null;
      return {
        queue,
        count: own.length,
        accept: () => remove(url, own),
        giveBack: () => show(url, own),
      };
    });
  }

  async function countVisible(queue: string): Promise<number> {
    return queues.withUrl(queue, async (url) => {
      const name = 'ApproximateNumberOfMessages';
      const { Attributes } = await quick.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [name] }));
      return Number(Attributes?.[name] ?? 0);
    });
  }

  return {
    kind: 'sqs',
    title: 'SQS',
    // Its counts are exact only a minute after the last change.
    replaceEveryMs: 60_000,
    probeAfterMs: 30_000,
    async prepare(deploymentId, queueNames) {
      deployment = deploymentId;
      [probed] = queueNames;
      queues.setDeployment(deploymentId);
      try {
        await Promise.all(queueNames.map((queue) => queues.urlOf(queue)));
      } catch (error) {
        throw toSqsRefusal(error, region) ?? error;
      }
    },
    async probe() {
      if (probed !== undefined) await countVisible(probed);
    },
    send: (queue, count) =>
      queues.withUrl(queue, async (url) => {
        for (let left = count; left > 0; left -= MOST_AT_ONCE * PARALLEL) {
          const batches = Array.from({ length: Math.min(PARALLEL, Math.ceil(left / MOST_AT_ONCE)) }, (_, index) =>
            Math.min(MOST_AT_ONCE, left - index * MOST_AT_ONCE),
          );
          await Promise.all(batches.map((size) => sendBatch(url, { body: bodyOf(queue), count: size })));
        }
      }),
    discard: (queue, count) =>
      queues.withUrl(queue, async (url) => {
        for (let left = count; left > 0;) {
          const { Messages = [] } = await quick.send(toReceive(url, { most: left, waitSeconds: 0 }));
          const own = ownOf(queue, Messages);
          await remove(url, own);
          if (own.length === 0) return;
          left -= own.length;
        }
      }),
    count: countVisible,
    divide: (queueNames) => queueNames.map((queue) => [queue]),
    openReceiver: () => ({
      receive: ([first]) => (first === undefined ? Promise.resolve(null) : receive(first.queue, first.room)),
      // A poll that its client gives up swallows the next message: it ends by itself.
      interrupt() {},
      close: () => Promise.resolve(),
    }),
    isBusy: isSqsThrottle,
    close() {
      quick.destroy();
      waiting.destroy();
      return Promise.resolve();
    },
  };
}

function toReceive(url: string, { most, waitSeconds }: { most: number; waitSeconds: number }): ReceiveMessageCommand {
  return new ReceiveMessageCommand({
    QueueUrl: url,
    MaxNumberOfMessages: Math.min(most, MOST_AT_ONCE),
    VisibilityTimeout: INVISIBLE_SECONDS,
    WaitTimeSeconds: waitSeconds,
  });
}

function toEntries(messages: readonly Message[]) {
  return messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle: ReceiptHandle! }));
}
