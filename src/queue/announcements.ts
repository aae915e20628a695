import { sql } from 'kysely';
import { CHANNELS, type Database } from '../db/database.ts';
import { gather, type Gathered } from './gather.ts';
import type { Announcement } from './notifier.ts';

/** Sends announcements, each soon. */
export interface Announcements extends Pick<Gathered<never>, 'idle'> {
  /** Never throws. */
  add(announcement: Announcement): void;
}

/** Ids of runs in one payload, which may have 8,000 bytes. More runs are announced without their ids. */
export const MOST_IDS = 100;

/** Runs for which workers are chosen. With more, there is enough for every worker. */
const MOST_CHOSEN_FOR = 50;

/** Delays beyond this are not announced: workers check for due runs more often, and learn of them then. */
const LONGEST_ANNOUNCED = sql.lit('1 minute');

/** Announcements of one queue that are sent together. */
interface Waiting {
  readonly runIds: readonly string[];
  /** True when the queue may have any number of runs besides. */
  readonly isOpen: boolean;
  /** The first time at which a run is due, or null. */
  readonly dueAt: Date | null;
}

/** Creates an outbox for announcements by `NOTIFY`. None waits for the disk (see `db/notifier.ts`). */
export function createAnnouncements(database: Database): Announcements {
  const gathered = gather<Waiting>({
    merge: (waiting, added) => ({
      // More ids than fit say only that there are many.
      runIds: [...waiting.runIds, ...added.runIds].slice(0, MOST_IDS + 1),
      isOpen: waiting.isOpen || added.isOpen,
      dueAt: toEarlier(waiting.dueAt, added.dueAt),
    }),
    // Workers check by themselves, some seconds later.
    send: (queue, waiting) => send(database, queue, waiting).catch(() => {}),
  });
  return {
    add: ({ queue, runIds, dueAt }) =>
      gathered.add(queue, { runIds, isOpen: runIds.length === 0 && dueAt === null, dueAt }),
    get idle() {
      return gathered.idle;
    },
  };
}

function toEarlier(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other;
  return one <= other ? one : other;
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
