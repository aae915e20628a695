import { sql, type Kysely } from 'kysely';
import type { Channel, Database } from './database.ts';
import type { Tables } from './tables.ts';

/** Sends notifications of a process. */
export interface Notifier {
  readonly notify: Database['notify'];
  /** Resolves when every notification so far was sent, or has failed. */
  settled(): Promise<void>;
}

/**
 * Creates a notifier, whose notifications share a transaction while another is sent.
 *
 * PostgreSQL lets the transactions that notify commit one after another, each with its own wait for the disk, while
 * other transactions share one. So a notification waits for no disk (`synchronous_commit`): what it is about is safe
 * already, and a server that crashes has lost the listeners too.
 */
export function createNotifier(database: Kysely<Tables>): Notifier {
  let waiting = new Map<Channel, Set<string>>();
  let sending: Promise<void> | null = null;

  async function sendAll(): Promise<void> {
    while (waiting.size > 0) {
      const notes = [...waiting].flatMap(([channel, payloads]) =>
        [...payloads].map((payload) => ({ channel, payload })),
      );
      waiting = new Map();
      await sql`
        select set_config('synchronous_commit', 'off', true), pg_notify(note.channel, note.payload)
          from json_to_recordset(${JSON.stringify(notes)}::json) as note (channel text, payload text)`
        .execute(database)
        .catch(() => {}); // Listeners look by themselves, some seconds later.
    }
    sending = null;
  }

  return {
    notify(channel, payload) {
      const payloads = waiting.get(channel) ?? new Set();
      waiting.set(channel, payloads.add(payload));
      sending ??= sendAll();
    },
    settled: () => sending ?? Promise.resolve(),
  };
}
