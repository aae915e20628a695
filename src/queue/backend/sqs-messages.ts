import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type Message,
} from '@aws-sdk/client-sqs';
import type { Logger } from '../../core/log.ts';
import type { SqsClients } from './sqs-clients.ts';

/** The most of SQS: messages of one request. */
const MOST_AT_ONCE = 10;

/** Requests that send at once. */
const PARALLEL = 8;

/**
 * Time for which a received wake-up stays invisible, in seconds. A claim takes milliseconds, and a wake-up that becomes
 * visible meanwhile costs a claim for nothing; the poll of a worker that was killed still swallows a wake-up for so long.
 */
const INVISIBLE_SECONDS = 3;

interface ReceiveOptions {
  /** The body of the messages of this deployment. */
  readonly body: string;
  readonly most: number;
  /** 0 to return at once. */
  readonly waitSeconds: number;
}

/** Sends and receives the messages of a queue by its URL. */
export interface SqsMessages {
  send(url: string, options: { readonly body: string; readonly count: number }): Promise<void>;
  /** Receives messages of this deployment. Leaves the messages of others alone: they become visible again. */
  receive(url: string, options: ReceiveOptions): Promise<readonly Message[]>;
  remove(url: string, messages: readonly Message[]): Promise<void>;
  /** Makes received messages visible to others. */
  show(url: string, messages: readonly Message[]): Promise<void>;
  /** Counts the visible messages, about. */
  count(url: string): Promise<number>;
}

export function createSqsMessages({ quick, waiting }: SqsClients, log: Pick<Logger, 'warn'>): SqsMessages {
  const warned = new Set<string>();

  async function sendBatch(url: string, { body, count }: { body: string; count: number }): Promise<void> {
    const Entries = Array.from({ length: count }, (_, index) => ({ Id: String(index), MessageBody: body }));
    const { Failed = [] } = await quick.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    if (Failed.length > 0) throw new Error(`SQS did not take ${Failed.length} wake-ups: ${Failed[0]?.Code}`);
  }

  return {
    async send(url, { body, count }) {
      for (let left = count; left > 0; left -= MOST_AT_ONCE * PARALLEL) {
        const batches = Array.from({ length: Math.min(PARALLEL, Math.ceil(left / MOST_AT_ONCE)) }, (_, index) =>
          Math.min(MOST_AT_ONCE, left - index * MOST_AT_ONCE),
        );
        await Promise.all(batches.map((size) => sendBatch(url, { body, count: size })));
      }
    },
    async receive(url, { body, most, waitSeconds }) {
      const command = new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: Math.min(most, MOST_AT_ONCE),
        VisibilityTimeout: INVISIBLE_SECONDS,
        WaitTimeSeconds: waitSeconds,
      });
      const { Messages = [] } = await (waitSeconds === 0 ? quick : waiting).send(command);
      const own = Messages.filter(({ Body }) => Body === body);
      if (own.length < Messages.length && !warned.has(url)) {
        warned.add(url);
        log.warn({ url }, 'the SQS queue has messages that are not wake-ups of this deployment: they are ignored');
      }
      return own;
    },
    async remove(url, messages) {
      await quick.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries: toEntries(messages) }));
    },
    async show(url, messages) {
      const Entries = toEntries(messages).map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
      await quick.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }));
    },
    async count(url) {
      const name = 'ApproximateNumberOfMessages';
      const { Attributes } = await quick.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [name] }));
      return Number(Attributes?.[name] ?? 0);
    },
  };
}

function toEntries(messages: readonly Message[]) {
  return messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle: ReceiptHandle! }));
}
