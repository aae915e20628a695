import { sql } from 'kysely';
import { inBackground } from '../core/guard.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Notifier, WakeUp } from './notifier.ts';

/**
 * The payload of a notification: runs queued, about to be claimed, claimed, or due after a time. Without one of them, the queue may have any
 * number of runs. A payload that is not JSON is the name of a queue.
 */
interface Payload {
  readonly queue: string;
  readonly queued?: readonly string[];
  /** The workers chosen for the queued runs. Without them it is for every worker. */
  readonly chosen?: readonly string[];
  /** A bid. */
  readonly reserved?: readonly string[];
  readonly claimed?: readonly string[];
  readonly dueInMs?: number;
}

/** Ids of runs in one payload, which may have 8,000 bytes. More runs are announced without their ids. */
const MOST_IDS = 100;

/** Runs for which workers are chosen. With more, there is enough for every worker. */
const MOST_CHOSEN_FOR = 50;

/** Delays beyond this are not announced: workers check for due runs more often, and learn of them then. */
const LONGEST_ANNOUNCED = sql.lit('1 minute');

/**
 * Wakes workers with `NOTIFY`, which is part of the transaction: it is sent with the commit, and never after a rollback.
 * Every worker gets every notification. So that not all of them claim, an announcement names the workers that are to
 * claim its runs (`chooseWorkers`). The others claim only what those do not: an announcement has the ids of its runs, a
 * worker that was not chosen bids for them before it claims, and a claim withdraws them. Notifications arrive in the order
 * of the commits.
 */
export function createPostgresNotifier(database: Database): Notifier {
  const notify = async (trx: Database['sql'], payload: Payload) => {
    await sql`select pg_notify(${CHANNELS.queue}, ${JSON.stringify(payload)})`.execute(trx);
  };
  return {
    start: () => Promise.resolve(),
    async announce(trx, { queue, runIds, dueAt }) {
      const connection = trx ?? database.sql;
      const isListed = runIds.length > 0 && runIds.length <= MOST_IDS;
      if (isListed && runIds.length <= MOST_CHOSEN_FOR && database.kind === 'postgres') {
        await sql`
          select pg_notify(${CHANNELS.queue}, json_strip_nulls(json_build_object(
                   'queue', ${queue}::text, 'queued', ${JSON.stringify(runIds)}::json,
                   'chosen', (${chooseWorkers({ queue, runIds })})))::text)`.execute(connection);
      } else if (runIds.length > 0 || dueAt === null) {
        await notify(connection, { queue, ...(isListed && { queued: runIds }) });
      }
      if (dueAt === null) return;
      // A delay rather than a time: the clocks of machines do not matter.
      await sql`
        select pg_notify(${CHANNELS.queue}, json_build_object('queue', ${queue}::text, 'dueInMs',
                 extract(epoch from ${dueAt}::timestamptz - clock_timestamp()) * 1000)::text)
         where ${dueAt}::timestamptz < clock_timestamp() + interval ${LONGEST_ANNOUNCED}`.execute(connection);
    },
    async withdraw(trx, { queue, runIds }) {
      // Only one process uses the embedded database.
      if (database.kind === 'embedded') return;
      for (let from = 0; from < runIds.length; from += MOST_IDS) {
        await notify(trx, { queue, claimed: runIds.slice(from, from + MOST_IDS) });
      }
    },
    bid({ queue, runIds }) {
      if (runIds.length > MOST_IDS) return;
      // Not awaited: the claim begins meanwhile, on another connection.
      inBackground(
        () => notify(database.sql, { queue, reserved: runIds }),
        () => {}, // The claim itself reports that the database cannot be reached.
      );
    },
    async subscribe({ workerId, queues, onWakeUp, onBid, onWithdrawn, onGap }) {
      const stop = await database.listen(
        CHANNELS.queue,
        (text) => {
          const { queue, queued = [], chosen, reserved, claimed, dueInMs = 0 } = readPayload(text);
          if (!queues.includes(queue)) return;
          if (reserved !== undefined) return onBid(queue, reserved);
          if (claimed !== undefined) return onWithdrawn(queue, claimed);
          const addressee = chosen === undefined ? 'any' : chosen.includes(workerId) ? 'this' : 'another';
          const wakeUp: WakeUp = { queue, runIds: queued, dueInMs: Math.max(0, dueInMs), addressee };
          inBackground(
            async () => {
              const wasTried = await onWakeUp(wakeUp);
              if (addressee === 'this' && !wasTried) await notify(database.sql, { queue, queued });
            },
            () => {}, // The others claim without it, a little later.
          );
        },
        onGap,
      );
      return { wake() {}, stop };
    },
    countUndelivered: () => Promise.resolve(null),
    get isAway() {
      return !database.hearsNotifications;
    },
    backend: null,
    stop: () => Promise.resolve(),
  };
}

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

function readPayload(text: string): Payload {
  return text.startsWith('{') ? (JSON.parse(text) as Payload) : { queue: text };
}
