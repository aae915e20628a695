import { sql } from 'kysely';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Announcement } from './notifier.ts';

/** Announcements that wait to be sent. */
export interface Announcements {
  /** Sends an announcement soon. Never throws. */
  add(announcement: Announcement): void;
  /** Resolves when nothing waits to be sent. */
  readonly idle: Promise<void>;
}

/** Ids of runs in one payload, which may have 8,000 bytes. More runs are announced without their ids. */
export const MOST_IDS = 100;

/** Runs for which workers are chosen. With more, there is enough for every worker. */
const MOST_CHOSEN_FOR = 50;

/** Delays beyond this are not announced: workers check for due runs more often, and learn of them then. */
const LONGEST_ANNOUNCED = sql.lit('1 minute');

/** Announcements of one queue that are sent together. */
interface Waiting {
  readonly runIds: string[];
  /** True when the queue may have any number of runs besides. */
  isOpen: boolean;
  /** The first time at which a run is due, or null. */
  dueAt: Date | null;
}

/**
 * Creates an outbox for announcements by `NOTIFY`. While others are sent, it gathers the announcements of a queue into one
 * statement. None waits for the disk (see `db/notifier.ts`).
 */
export function createAnnouncements(database: Database): Announcements {
  const waiting = new Map<string, Waiting>();
  let sending: Promise<void> | null = null;

  async function sendAll(): Promise<void> {
    // Sends together what this turn of the event loop adds.
    await Promise.resolve();
    for (let [next] = waiting; next !== undefined; [next] = waiting) {
      const [queue, found] = next;
      waiting.delete(queue);
      await send(database, queue, found).catch(() => {}); // Workers check by themselves, some seconds later.
    }
    sending = null;
  }

  return {
    add({ queue, runIds, dueAt }) {
      const found = waiting.get(queue) ?? { runIds: [], isOpen: false, dueAt: null };
      waiting.set(queue, found);
      found.runIds.push(...runIds);
      found.isOpen ||= runIds.length === 0 && dueAt === null;
      if (dueAt !== null && !(found.dueAt && found.dueAt <= dueAt)) found.dueAt = dueAt;
      sending ??= sendAll();
    },
    get idle() {
      return sending ?? Promise.resolve();
    },
  };
}

async function send(database: Database, queue: string, { runIds, isOpen, dueAt }: Waiting): Promise<void> {
  const isListed = runIds.length > 0 && runIds.length <= MOST_IDS && !isOpen;
  if (isListed && runIds.length <= MOST_CHOSEN_FOR && database.kind === 'postgres') {
    await sql`
      select ${WITHOUT_DISK}, pg_notify(${CHANNELS.queue}, json_strip_nulls(json_build_object(
               'queue', ${queue}::text, 'queued', ${JSON.stringify(runIds)}::json,
               'chosen', (${chooseWorkers({ queue, runIds })})))::text)`.execute(database.sql);
  } else if (runIds.length > 0 || isOpen) {
    database.notify(CHANNELS.queue, JSON.stringify({ queue, ...(isListed && { queued: runIds }) }));
  }
  if (dueAt === null) return;
  // A delay rather than a time: the clocks of machines do not matter.
  await sql`
    select ${WITHOUT_DISK}, pg_notify(${CHANNELS.queue}, json_build_object('queue', ${queue}::text, 'dueInMs',
             extract(epoch from ${dueAt}::timestamptz - clock_timestamp()) * 1000)::text)
     where ${dueAt}::timestamptz < clock_timestamp() + interval ${LONGEST_ANNOUNCED}`.execute(database.sql);
}

const WITHOUT_DISK = sql`set_config('synchronous_commit', 'off', true)`;

/**
 * SQL: the ids of as many workers as have room for these runs of a queue; null when none has room. Workers that know the
 * agents of all the runs come first, because another worker would put a run back; then the emptiest. A worker that
 * died within half a minute may be among them (`IS_ALIVE` in `src/run/workers.ts`), and one whose room is taken meanwhile.
 */
function chooseWorkers({ queue, runIds }: { queue: string; runIds: readonly string[] }) {
  return sql`
    select json_agg(id) from (
      select id, sum(room) over (order by is_knowing desc, room desc, place rows unbounded preceding) - room as room_before from (
        select worker.id, worker.slots - count(run.id) as room, random() as place,
               worker.agents @> (
                 select array_agg(agent) from longhaul.runs where id = any(${sql.val([...runIds])}::uuid[])) as is_knowing
          from longhaul.workers as worker
          left join longhaul.runs as run on run.lease_worker_id = worker.id and run.status = 'running'
         where ${queue} = any (worker.queues) and worker.heartbeat_at > now() - interval '30 seconds'
           and worker.holding_reason is null and worker.drain_requested_at is null
         group by worker.id having worker.slots > count(run.id)) as free) as ranked
     where room_before < ${runIds.length}`;
}
