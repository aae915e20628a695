import type { Database } from '../db/database.ts';
import type { Lease } from '../run/append-events.ts';
import { LEASE_DURATION_MS } from '../run/claim.ts';
import { noteSurvival } from '../run/losses.ts';
import { renewLeases } from '../run/renew-leases.ts';
import type { Logger } from '../core/log.ts';

const RENEW_EVERY_MS = 4_000;

/**
 * When a lease is taken for lost though nobody said so: a little before the database would give it to
 * another, so that two workers never execute one run.
 */
const GIVE_UP_AFTER_MS = LEASE_DURATION_MS - 2_000;

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
  isHeld(lease: Lease): boolean;
  stop(): Promise<void>;
}

/** Renews all leases of a worker together, in one statement every few seconds. */
export function createLeaseKeeper({ database, log }: { database: Database; log: Logger }): LeaseKeeper {
  const held = new Map<string, HeldLease & { renewedAt: number; renewedOn: number }>();
  /** Lost because the database was away, which their runs cannot be the reason for; not noted there yet. */
  const survived = new Set<Lease>();
  let isDatabaseAway = false;
  let renewing: Promise<void> | null = null;

  async function renewAndNote(): Promise<void> {
    if (held.size > 0) await renew();
    if (survived.size > 0) await noteSurvived();
  }

  async function noteSurvived(): Promise<void> {
    try {
      for (const lease of survived) {
        await noteSurvival(database, lease);
        survived.delete(lease);
      }
    } catch (error) {
      log.debug({ err: error }, 'survived leases could not be noted');
    }
  }

  async function renew(): Promise<void> {
    // Measured from before the statement is sent: a clock that only counts forward, whatever the wall clock does.
    const sentAt = performance.now();
    const sentOn = Date.now();
    const asked = [...held.values()];
    try {
      const renewed = new Map(
        (
          await renewLeases(
            database,
            asked.map(({ lease }) => lease),
          )
        ).map((answer) => [answer.runId, answer]),
      );
      for (const entry of asked) {
        if (held.get(entry.lease.runId) !== entry) continue;
        const answer = renewed.get(entry.lease.runId);
        if (answer === undefined) lose(entry);
        else {
          entry.renewedAt = sentAt;
          entry.renewedOn = sentOn;
          if (answer.isCancelRequested) entry.onCancelRequested();
        }
      }
      isDatabaseAway = false;
    } catch (error) {
      isDatabaseAway = true;
      log.warn({ err: error }, 'leases could not be renewed');
    }
  }

  function lose(entry: HeldLease): void {
    held.delete(entry.lease.runId);
    if (isDatabaseAway) survived.add(entry.lease);
    entry.onLost();
  }

  const isExpired = (entry: { renewedAt: number; renewedOn: number }) => {
    // The clock that only counts forward stands still while a machine is suspended; the wall clock does not.
    const elapsedMs = Math.max(performance.now() - entry.renewedAt, Date.now() - entry.renewedOn);
    return elapsedMs > GIVE_UP_AFTER_MS;
  };

  function loseExpired(): void {
    for (const entry of held.values()) if (isExpired(entry)) lose(entry);
  }

  const renewTimer = setInterval(() => {
    if (held.size + survived.size === 0) return;
    renewing ??= renewAndNote().finally(() => {
      renewing = null;
    });
  }, RENEW_EVERY_MS);
  const expiryTimer = setInterval(loseExpired, 500);

  return {
    hold(entry) {
      held.set(entry.lease.runId, { ...entry, renewedAt: performance.now(), renewedOn: Date.now() });
    },
    release(runId) {
      held.delete(runId);
    },
    isHeld({ runId, fence }) {
      const entry = held.get(runId);
      return entry !== undefined && entry.lease.fence === fence && !isExpired(entry);
    },
    async stop() {
      clearInterval(renewTimer);
      clearInterval(expiryTimer);
      await renewing;
      if (survived.size > 0) await noteSurvived();
    },
  };
}
