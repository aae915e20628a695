import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { report } from '../core/process-events.ts';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import type { Lease } from '../run/log/append-events.ts';
import { LEASE_DURATION_MS } from '../run/claim/claim.ts';
import { noteSurvival } from '../run/claim/losses.ts';
import { renewLeases } from '../run/claim/renew-leases.ts';
import { SHORTEST_STALL_MS } from './watch-stalls.ts';

const RENEW_EVERY_MS = 4_000;

/** Time within which the database must confirm a lease that may have run out. */
const ASK_TIMEOUT_MS = 2_000;

/**
 * Time without a renewal after which a lease is in doubt. Unless the database then confirms it, the worker gives it up
 * a little before the database would give it to another worker: two workers never execute one run.
 */
const DOUBT_AFTER_MS = LEASE_DURATION_MS - 2_000 - ASK_TIMEOUT_MS;

/** Interval at which the keeper checks that every lease was renewed in time. */
const CHECK_EVERY_MS = 250;

/** `doubtful`: the lease may have run out, and the worker is asking the database. */
export type LeaseStanding = 'valid' | 'doubtful' | 'lost';

interface KeptLease {
  readonly lease: Lease;
  readonly onCancelRequested: () => void;
}

/** Keeps a worker's leases, and reports when one is lost. */
export interface LeaseKeeper {
  /** Keeps a lease until it is released. Returns a signal that is aborted when the lease is lost; `attempt.ts` then stops the attempt. */
  keep(kept: KeptLease): AbortSignal;
  release(runId: string): void;
  /** Returns the standing of a lease now, by the time since its last renewal. */
  standingOf(lease: Lease): LeaseStanding;
  /** Gives up a lease that belongs to another worker, or under which nothing can be recorded any more. */
  giveUp(lease: Lease): void;
  stop(): Promise<void>;
}

interface LeaseKeeperOptions {
  readonly database: Database;
  readonly log: Pick<Logger, 'debug' | 'warn'>;
  /** Defaults to the machine's clocks. */
  readonly clock?: Clock;
}

/** Clocks in milliseconds. */
interface Clock {
  /** Only counts forward, and stops while the machine is suspended. */
  readonly monotonic: () => number;
  /** Continues while the machine is suspended, and jumps when it is set. */
  readonly wall: () => number;
}

const MACHINE: Clock = { monotonic: () => performance.now(), wall: () => Date.now() };

interface Entry extends KeptLease {
  readonly lost: AbortController;
  renewedAt: number;
  renewedOn: number;
  /** The start of the doubt, on the monotonic clock; null when there is no doubt. */
  doubtedAt: number | null;
}

interface Keeper extends Required<LeaseKeeperOptions> {
  /** By the run's id. */
  readonly kept: Map<string, Entry>;
  /** Leases that were lost although the event loop kept running, and that are not recorded in the database yet. */
  readonly survived: Set<Lease>;
  checkedAt: number;
  /** The end of the event loop's last standstill, on the monotonic clock. */
  stoodStillUntil: number;
  renewing: Promise<void> | null;
}

/**
 * Creates a keeper that renews all leases of a worker together, in one statement every few seconds.
 *
 * Neither clock is enough alone: the monotonic clock stops while a machine is suspended, and the wall clock jumps when
 * it is set. When either says that a lease may have run out, the lease is in doubt: nothing is spent under it, and the
 * keeper asks the database, which alone knows. Without an answer in time, the keeper gives the lease up.
 *
 * A lost lease may be the run's own fault only if the event loop stood still, so that nothing was renewed. The
 * database or the machine causes every other loss; the keeper then records that the worker survived it, so that the run
 * does not become a poison run.
 */
export function createLeaseKeeper({ database, log, clock = MACHINE }: LeaseKeeperOptions): LeaseKeeper {
  const kept = new Map<string, Entry>();
  const keeper: Keeper = {
    database,
    log,
    clock,
    kept,
    survived: new Set(),
    checkedAt: clock.monotonic(),
    stoodStillUntil: -Infinity,
    renewing: null,
  };
  const find = ({ runId, fence }: Lease): Entry | null => {
    const entry = kept.get(runId);
    return entry?.lease.fence === fence ? entry : null;
  };
  const renewTimer = repeat(RENEW_EVERY_MS, () => beginRenewal(keeper));
  const checkTimer = repeat(CHECK_EVERY_MS, () => {
    noteStandstill(keeper);
    for (const entry of kept.values()) judge(keeper, entry);
  });

  return {
    keep(entry) {
      const lost = new AbortController();
      const now = { renewedAt: clock.monotonic(), renewedOn: clock.wall() };
      kept.set(entry.lease.runId, { ...entry, ...now, lost, doubtedAt: null });
      return lost.signal;
    },
    release(runId) {
      kept.delete(runId);
    },
    standingOf(lease) {
      const entry = find(lease);
      return entry === null ? 'lost' : judge(keeper, entry);
    },
    giveUp(lease) {
      const entry = find(lease);
      if (entry !== null) lose(keeper, entry);
    },
    async stop() {
      clearInterval(renewTimer);
      clearInterval(checkTimer);
      await keeper.renewing;
      if (keeper.survived.size > 0) await noteSurvived(keeper);
    },
  };
}

function beginRenewal(keeper: Keeper): void {
  if (keeper.kept.size + keeper.survived.size === 0) return;
  keeper.renewing ??= renewAndNote(keeper).finally(() => {
    keeper.renewing = null;
  });
}

async function renewAndNote(keeper: Keeper): Promise<void> {
  if (keeper.kept.size > 0) await renew(keeper);
  if (keeper.survived.size > 0) await noteSurvived(keeper);
}

async function renew(keeper: Keeper): Promise<void> {
  const { database, log, clock, kept } = keeper;
  noteStandstill(keeper);
  // Measured from before the statement is sent.
  const sentAt = clock.monotonic();
  const sentOn = clock.wall();
  const asked = [...kept.values()];
  try {
    const answers = await renewLeases(
      database,
      asked.map(({ lease }) => lease),
    );
    const renewed = new Map(answers.map((answer) => [answer.runId, answer]));
    for (const entry of asked) {
      if (kept.get(entry.lease.runId) !== entry) continue;
      const answer = renewed.get(entry.lease.runId);
      if (answer === undefined) lose(keeper, entry);
      else {
        entry.renewedAt = sentAt;
        entry.renewedOn = sentOn;
        if (!isLate(clock, entry)) entry.doubtedAt = null;
        if (answer.isCancelRequested) entry.onCancelRequested();
      }
    }
  } catch (error) {
    log.warn({ err: error }, `leases could not be renewed: ${toMessage(error)}`);
  }
}

async function noteSurvived({ database, log, survived }: Keeper): Promise<void> {
  try {
    for (const lease of survived) {
      await noteSurvival(database, lease);
      survived.delete(lease);
    }
  } catch (error) {
    log.debug({ err: error }, 'survived leases could not be recorded');
  }
}

function noteStandstill(keeper: Keeper): void {
  const now = keeper.clock.monotonic();
  if (now - keeper.checkedAt > SHORTEST_STALL_MS) keeper.stoodStillUntil = now;
  keeper.checkedAt = now;
}

function isLate(clock: Clock, { renewedAt, renewedOn }: Entry): boolean {
  return Math.max(clock.monotonic() - renewedAt, clock.wall() - renewedOn) > DOUBT_AFTER_MS;
}

/** Puts a late lease in doubt, and gives it up when the database has not confirmed it in time. */
function judge(keeper: Keeper, entry: Entry): LeaseStanding {
  const { clock } = keeper;
  if (!isLate(clock, entry)) return 'valid';
  entry.doubtedAt ??= clock.monotonic();
  if (clock.monotonic() - entry.doubtedAt < ASK_TIMEOUT_MS) {
    beginRenewal(keeper);
    return 'doubtful';
  }
  lose(keeper, entry);
  return 'lost';
}

function lose(keeper: Keeper, entry: Entry): void {
  noteStandstill(keeper);
  keeper.kept.delete(entry.lease.runId);
  if (keeper.stoodStillUntil <= entry.renewedAt) keeper.survived.add(entry.lease);
  report('lease.lost', {});
  entry.lost.abort();
}
