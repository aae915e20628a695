import pg from 'pg';
import { isLastEvent, type EventStream } from './event-stream.ts';
import { CHANNEL, readEvents } from './pg-boss-database.ts';

interface Follower {
  readonly stream: EventStream;
  /** The last event that it has received. */
  afterId: string;
}

export interface Followers {
  /** Sends a run's events after `afterId`, those to come included. Returns a function that ends it. */
  follow(runId: string, stream: EventStream, afterId: string): () => void;
  close(): Promise<void>;
}

/** Follows the log of events for all streams of this process, with one connection that listens. */
export async function createFollowers(url: string, pool: pg.Pool): Promise<Followers> {
  const followers = new Map<string, Set<Follower>>();
  /** Runs whose events are being read; true when there was another notification meanwhile. */
  const reading = new Map<string, boolean>();

  async function deliver(runId: string): Promise<void> {
    if (!followers.has(runId)) return;
    if (reading.has(runId)) return void reading.set(runId, true);
    do {
      reading.set(runId, false);
      const ofRun = [...(followers.get(runId) ?? [])];
      const first = ofRun.map(({ afterId }) => BigInt(afterId)).sort((a, b) => (a < b ? -1 : 1))[0] ?? 0n;
      for (const { id, event } of await readEvents(pool, runId, String(first))) {
        for (const follower of ofRun) {
          if (BigInt(follower.afterId) >= BigInt(id)) continue;
          follower.afterId = id;
          follower.stream.send(event, id);
          if (isLastEvent(event)) follower.stream.end();
        }
      }
    } while (reading.get(runId) === true);
    reading.delete(runId);
  }

  const tryDeliver = (runId: string) => {
    deliver(runId).catch((error: unknown) => {
      reading.delete(runId);
      console.error(error);
    });
  };

  const listener = new pg.Client({ connectionString: url });
  // A supervisor starts it again; clients come back with the id of their last event.
  listener.on('error', (error) => {
    console.error(error);
    process.exit(1);
  });
  listener.on('notification', ({ payload = '' }) => tryDeliver(payload));
  await listener.connect();
  await listener.query(`listen ${CHANNEL}`);

  return {
    follow(runId, stream, afterId) {
      const follower = { stream, afterId };
      const ofRun = followers.get(runId) ?? new Set();
      followers.set(runId, ofRun.add(follower));
      tryDeliver(runId);
      return () => {
        ofRun.delete(follower);
        if (ofRun.size === 0 && followers.get(runId) === ofRun) followers.delete(runId);
      };
    },
    close: () => listener.end(),
  };
}
