import { CreateQueueCommand, GetQueueUrlCommand, QueueDoesNotExist, type SQSClient } from '@aws-sdk/client-sqs';

/** Most that SQS allows: a wake-up that nobody receives for so long is replaced. */
const RETENTION_SECONDS = 14 * 24 * 3_600;

/** The queues of SQS by the names of Longhaul's, created where they are missing. */
export interface SqsQueues {
  /** Sets the id that is part of every name. */
  setDeployment(id: string): void;
  urlOf(queue: string): Promise<string>;
  /** Does `work` with the URL of a queue, and looks the URL up again after the queue was deleted. */
  withUrl<T>(queue: string, work: (url: string) => Promise<T>): Promise<T>;
}

export function createSqsQueues(client: Pick<SQSClient, 'send'>, { isReadOnly = false } = {}): SqsQueues {
  const urls = new Map<string, Promise<string>>();
  let deployment = '';

  async function find(queue: string): Promise<string> {
    const QueueName = `longhaul-${deployment}-${queue}`;
    try {
      return (await client.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl!;
    } catch (error) {
      if (isReadOnly || !isMissing(error)) throw error;
      const Attributes = { MessageRetentionPeriod: String(RETENTION_SECONDS) };
      return (await client.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl!;
    }
  }

  function urlOf(queue: string): Promise<string> {
    const known = urls.get(queue);
    if (known !== undefined) return known;
    const finding = find(queue);
    urls.set(queue, finding);
    finding.catch(() => urls.delete(queue));
    return finding;
  }

  return {
    setDeployment(id) {
      deployment = id;
    },
    urlOf,
    async withUrl(queue, work) {
      const url = await urlOf(queue);
      try {
        return await work(url);
      } catch (error) {
        if (isMissing(error)) urls.delete(queue);
        throw error;
      }
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof QueueDoesNotExist;
}
