import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import type { Lease } from '../run/append-events.ts';
import { LEASE_DURATION_MS } from '../run/claim.ts';
import { renewLeases } from '../run/renew-leases.ts';

const RENEW_EVERY_MS = 4_000;

/** How long the database may take to say whether a lease is ours that may have run out. */
const ASK_TIMEOUT_MS = 2_000;

/**
 * When a lease is in doubt: so that it is given up, unless the database says that it is ours, a little before that would
 * give it to another. So two workers never execute one run.
 */
const DOUBT_AFTER_MS = LEASE_DURATION_MS - 2_000 - ASK_TIMEOUT_MS;

const LOOK_EVERY_MS = 250;

/** `doubtful`: it may have run out, and the database is being asked. */
export type LeaseStanding = 'held' | 'doubtful' | 'lost';

interface HeldLease {
  readonly lease: Lease;
  readonly onLost: () => void;
  readonly onCancelRequested: () => void;
}

/** Keeps a worker's leases alive, and says at once when one is gone. */
export interface LeaseKeeper {
  hold(held: HeldLease): void;
  release(runId: string): void;
  /** Whether a lease is ours at this instant, as far as the time since its last renewal tells. */
  standingOf(lease: Lease): LeaseStanding;
  stop(): Promise<void>;
}

interface LeaseKeeperOptions {
  readonly database: Database;
  readonly log: Pick<Logger, 'warn'>;
  /** Defaults to the machine's. */
  readonly clock?: Clock;
}

/** In milliseconds. */
interface Clock {
  /** Only counts forward, and stands still while the machine does. */
  readonly monotonic: () => number;
  /** Goes on while the machine stands still, and jumps when it is set. */
  readonly wall: () => number;
}

const MACHINE: Clock = { monotonic: () => performance.now(), wall: () => Date.now() };

interface Entry extends HeldLease {
  renewedAt: number;
  renewedOn: number;
  /** Since when it is in doubt, on the monotonic clock; null: it is not. */
  doubtedAt: number | null;
}

/**
 * Renews all leases of a worker together, in one statement every few seconds.
 *
 * Neither clock tells the truth alone: the monotonic one stands still while a machine is suspended, the wall clock jumps
 * when it is set. Where either says that a lease may have run out, it is in doubt, nothing is spent under it, and the
 * database is asked, which alone knows; without an answer in time it is given up.
 */
export function createLeaseKeeper({ database, log, clock = MACHINE }: LeaseKeeperOptions): LeaseKeeper {
  const held = new Map<string, Entry>();
  let renewing: Promise<void> | null = null;

  async function renew(): Promise<void> {
    // Measured from before the statement is sent.
    const sentAt = clock.monotonic();
    const sentOn = clock.wall();
    const asked = [...held.values()];
    try {
      const answers = await renewLeases(
        database,
        asked.map(({ lease }) => lease),
      );
      const renewed = new Map(answers.map((answer) => [answer.runId, answer]));
      for (const entry of asked) {
        if (held.get(entry.lease.runId) !== entry) continue;
        const answer = renewed.get(entry.lease.runId);
        if (answer === undefined) lose(entry);
        else {
          entry.renewedAt = sentAt;
          entry.renewedOn = sentOn;
          if (!isLate(entry)) entry.doubtedAt = null;
          if (answer.isCancelRequested) entry.onCancelRequested();
        }
      }
    } catch (error) {
      log.warn({ err: error }, `leases could not be renewed: ${toMessage(error)}`);
    }
  }

  function beginRenewal(): void {
    if (held.size === 0) return;
    renewing ??= renew().finally(() => {
      renewing = null;
    });
  }

  function lose(entry: Entry): void {
    held.delete(entry.lease.runId);
    entry.onLost();
  }

  function isLate({ renewedAt, renewedOn }: Entry): boolean {
    return Math.max(clock.monotonic() - renewedAt, clock.wall() - renewedOn) > DOUBT_AFTER_MS;
  }

  /** Puts a lease in doubt that is late, and gives it up when nobody has said in time that it is ours. */
  function judge(entry: Entry): LeaseStanding {
    if (!isLate(entry)) return 'held';
    entry.doubtedAt ??= clock.monotonic();
    if (clock.monotonic() - entry.doubtedAt < ASK_TIMEOUT_MS) {
      beginRenewal();
      return 'doubtful';
    }
    lose(entry);
    return 'lost';
  }

  const renewTimer = repeat(RENEW_EVERY_MS, beginRenewal);
  const lookTimer = repeat(LOOK_EVERY_MS, () => {
    for (const entry of held.values()) judge(entry);
  });

  return {
    hold(entry) {
      const now = { renewedAt: clock.monotonic(), renewedOn: clock.wall() };
      held.set(entry.lease.runId, { ...entry, ...now, doubtedAt: null });
    },
    release(runId) {
      held.delete(runId);
    },
    standingOf({ runId, fence }) {
      const entry = held.get(runId);
      return entry === undefined || entry.lease.fence !== fence ? 'lost' : judge(entry);
    },
    async stop() {
      clearInterval(renewTimer);
      clearInterval(lookTimer);
      await renewing;
    },
  };
}
