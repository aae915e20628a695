import type { Logger } from '../../core/log.ts';
import type { Delivery, WakeUpBackend } from './backend.ts';
import { createSqsClients, type SqsClients } from './sqs-clients.ts';
import { isSqsThrottle, toSqsRefusal } from './sqs-errors.ts';
import { createSqsMessages } from './sqs-messages.ts';
import { createSqsQueues } from './sqs-queues.ts';

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
  const queues = createSqsQueues(clients.quick, { isReadOnly });
  const messages = createSqsMessages(clients, log);
  let deployment = '';
  /** The queue that a probe asks for: the first that was used. */
  let probed: string | undefined;

  const bodyOf = (queue: string) => JSON.stringify({ longhaul: deployment, queue });
  const count = (queue: string) => queues.withUrl(queue, (url) => messages.count(url));

  async function receive(queue: string, room: number): Promise<Delivery | null> {
    probed ??= queue;
    return queues.withUrl(queue, async (url) => {
      const own = await messages.receive(url, { body: bodyOf(queue), most: room, waitSeconds });
      if (own.length === 0) return null;
      return {
        queue,
        count: own.length,
        accept: () => messages.remove(url, own),
        giveBack: () => messages.show(url, own),
      };
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
      if (probed !== undefined) await count(probed);
    },
    send: (queue, added) => queues.withUrl(queue, (url) => messages.send(url, { body: bodyOf(queue), count: added })),
    discard: (queue, removed) =>
      queues.withUrl(queue, async (url) => {
        for (let left = removed; left > 0;) {
          const own = await messages.receive(url, { body: bodyOf(queue), most: left, waitSeconds: 0 });
          if (own.length === 0) return;
          await messages.remove(url, own);
          left -= own.length;
        }
      }),
    count,
    divide: (queueNames) => queueNames.map((queue) => [queue]),
    openReceiver: () => ({
      receive: ([first]) => (first === undefined ? Promise.resolve(null) : receive(first.queue, first.room)),
      // A poll that its client gives up swallows the next message: it ends by itself.
      interrupt() {},
      close: () => Promise.resolve(),
    }),
    isBusy: isSqsThrottle,
    close() {
      clients.quick.destroy();
      clients.waiting.destroy();
      return Promise.resolve();
    },
  };
}
