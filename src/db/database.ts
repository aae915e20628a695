import type { Kysely, Transaction as KyselyTransaction } from 'kysely';
import type { Db as BossConnection } from 'pg-boss';
import type { Tables } from './tables.ts';

export type Transaction = KyselyTransaction<Tables>;
export type { BossConnection };

interface ExclusiveOptions {
  /** Called once when another process is at it, before it is waited for. */
  readonly onWait?: () => void;
  /** Aborts the waiting; what has begun is done to its end. */
  readonly signal?: AbortSignal | undefined;
}

/** A PostgreSQL database, embedded or a server's. Everything above it runs the same SQL on both. */
export interface Database {
  readonly kind: 'embedded' | 'postgres';
  readonly sql: Kysely<Tables>;
  /**
   * The same, for statements that may take minutes, such as those of a migration. Those of `sql` are given up when the
   * server says nothing for 8 s.
   */
  readonly patientSql: Kysely<Tables>;
  /**
   * Does `work` while no other process does any of the kind on this database: what brings the schemas up to date, and
   * makes what there is to be once. Others wait, as long as it takes.
   * @throws what `work` throws, and what `signal` aborted with while it waits.
   */
  exclusively<T>(work: () => Promise<T>, options?: ExclusiveOptions): Promise<T>;
  /** The same database as pg-boss takes it. */
  readonly boss: BossConnection;
  /**
   * Hears `NOTIFY channel`. `onReconnect` is called whenever notifications may have been missed: the
   * listener must then look for itself. Resolves, once listening, to what ends it.
   */
  listen(
    channel: Channel,
    onPayload: (payload: string) => void,
    onReconnect?: () => void,
  ): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** What is told over `NOTIFY`, each with its payload. A notification is a hint; the tables are the truth. */
export const CHANNELS = {
  /** A run has new events. Payload: its id. */
  events: 'longhaul_events',
  /** A run has ended. Payload: its id. */
  ends: 'longhaul_ends',
  /** A queue may have work. Payload: its name. */
  queue: 'longhaul_queue',
  /** Somebody asked for a running run to be cancelled. Payload: its id. */
  cancel: 'longhaul_cancel',
  /** Something was said into a running run, or decided for it. Payload: its id. */
  messages: 'longhaul_messages',
  /** Somebody asked a worker to drain. Payload: its id. */
  drain: 'longhaul_drain',
  /** A limit of the provider's was met, or is over. Payload: the account. */
  provider: 'longhaul_provider',
  /** Something is to be told to a webhook. Payload: none. */
  webhooks: 'longhaul_webhooks',
  /** An API key was revoked. Payload: its id. */
  revocations: 'longhaul_revocations',
} as const;

export type Channel = (typeof CHANNELS)[keyof typeof CHANNELS];
