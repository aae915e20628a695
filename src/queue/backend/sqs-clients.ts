import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';

/** Time for a connection, and for the answer to a request that does not wait, in ms. */
const CONNECT_MS = 2_000;
const ANSWER_MS = 3_000;

/** Tries of a request: 6 s when the backend is silent. */
const MAX_ATTEMPTS = 2;

/** A worker has an open poll for each of its queues. */
const MAX_SOCKETS = 1_000;

export interface SqsClientOptions {
  readonly region: string;
  /** Null for AWS's own. */
  readonly endpoint: string | null;
  /** Time that the longest request waits at the server, in ms. */
  readonly waitMs: number;
}

/** Two clients: with one for both, an outage would only be noticed after the longest wait. */
export interface SqsClients {
  /** For requests that are answered at once. */
  readonly quick: SQSClient;
  /** For polls. */
  readonly waiting: SQSClient;
}

export function createSqsClients({ region, endpoint, waitMs }: SqsClientOptions): SqsClients {
  const create = ({ answerMs, maxAttempts }: { answerMs: number; maxAttempts: number }) =>
    new SQSClient({
      region,
      maxAttempts,
      // A URL of a queue names the public host, also where the endpoint is another, such as that of a VPC.
      ...(endpoint !== null && { endpoint, useQueueUrlAsEndpoint: false }),
      requestHandler: new NodeHttpHandler({
        connectionTimeout: CONNECT_MS,
        requestTimeout: answerMs,
        // Otherwise the SDK only logs a warning, and waits for ever on a silent server.
        throwOnRequestTimeout: true,
        httpAgent: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
        httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
      }),
    });
  return {
    quick: create({ answerMs: ANSWER_MS, maxAttempts: MAX_ATTEMPTS }),
    waiting: create({ answerMs: waitMs + ANSWER_MS, maxAttempts: 1 }),
  };
}
