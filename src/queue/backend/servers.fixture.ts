import { vi } from 'vitest';
import { startRedisServer } from '../../../test/support/redis-server.ts';
import { AWS_CREDENTIALS, startSqsServer } from '../../../test/support/sqs-server.ts';
import type { Database } from '../../db/database.ts';
import type { Notifier } from '../notifier.ts';
import { addBadBehaviour } from './bad-sqs.fixture.ts';
import type { WakeUpBackend } from './backend.ts';
import { createBackendNotifier } from './backend-notifier.ts';
import { createRedisBackend } from './redis-backend.ts';
import { createSqsBackend } from './sqs-backend.ts';
import type { SqsClients } from './sqs-clients.ts';

/** A server beside the database, which a test breaks. */
export interface BackendServer {
  kill(): Promise<void>;
  /** Starts it again, empty. */
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Removes all wake-ups. */
  flush(): Promise<void>;
  /** Time after which workers have noticed that it is silent, and have checked the database, in ms. */
  readonly silenceMs: number;
}

interface Opened {
  readonly server: BackendServer;
  readonly createNotifier: (database: Database) => Notifier;
}

/** Transitions of a backend are no fault of the test. */
const log = { info() {}, warn() {} };

const closers: (() => Promise<unknown>)[] = [];

/** Returns a function that starts something once, and ends it with `closeServers`. */
function shared<T extends { close(): Promise<unknown> }>(start: () => Promise<T>): () => Promise<T> {
  let starting: Promise<T> | null = null;
  return () => {
    if (starting === null) {
      starting = start();
      closers.push(async () => {
        const started = await starting;
        starting = null; // The next test file starts another.
        await started?.close();
      });
    }
    return starting;
  };
}

/** Ends the servers that the test file has started. */
export async function closeServers(): Promise<void> {
  for (const close of closers.splice(0)) await close();
  vi.unstubAllEnvs();
}

const toNotifier = (create: () => WakeUpBackend) => (database: Database) =>
  createBackendNotifier({ database, backend: create(), log });

const redis = shared(startRedisServer);

export async function openRedis(): Promise<Opened> {
  const server = await redis();
  return {
    server: { ...server, silenceMs: 9_000 },
    createNotifier: toNotifier(() => createRedisBackend(server.url)),
  };
}

const sqs = shared(async () => {
  for (const [name, value] of Object.entries(AWS_CREDENTIALS)) vi.stubEnv(name, value);
  return startSqsServer();
});

async function openSqsWith(onClients?: (clients: SqsClients) => void): Promise<Opened> {
  const server = await sqs();
  const { endpoint } = server;
  const region = 'eu-west-1';
  const options = { region, endpoint, log, waitSeconds: 2, ...(onClients && { onClients }) };
  return {
    server: { ...server, silenceMs: 12_000 },
    // A minute is too long for a test.
    createNotifier: toNotifier(() => ({ ...createSqsBackend(options), replaceEveryMs: 5_000 })),
  };
}

export const openSqs = () => openSqsWith();

export const openBadSqs = () => openSqsWith(addBadBehaviour);
