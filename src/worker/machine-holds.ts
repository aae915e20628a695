import { writeFile, rm, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../core/log.ts';
import { asMachineFault, isFaultOfDisk, type MachineFault } from '../core/machine-fault.ts';
import { after } from '../core/timers.ts';

/** What a start of Claude Code and its work need at least, several times over: its own directories hold 0.1 MB. */
const PROBE_BYTES = 1_000_000;

/** How long nothing is claimed at least, and how long at most until it is tried again. */
const WAITS_MS = { first: 5_000, longest: 300_000 };

/** A place where attempts write: that of all of them, or the workspaces of one agent. */
interface Place {
  /** Null for the worker's own. */
  readonly agent: string | null;
  readonly directory: string;
}

interface HoldOptions {
  /** Makes the worker's own directory where it is not there. */
  readonly ensureScratch: () => Promise<void>;
  readonly scratchRoot: string;
  /** Called when it begins or ends to hold. */
  readonly onChange: () => void;
  readonly log: Pick<Logger, 'error' | 'info'>;
  /** How long to wait before the first look, and at most. Defaults to 5 s and 5 min. */
  readonly waitsMs?: { readonly first: number; readonly longest: number };
}

/**
 * Keeps a worker from claiming what its machine cannot carry out: a full disk would fail every run that comes, one after
 * the other. It begins with an attempt that could not begin, and ends by itself when a probe is written.
 */
export interface MachineHolds {
  /** Why nothing is claimed, for all agents or some; null: nothing is in the way. */
  readonly reason: string | null;
  /** Whether runs of these agents must not be claimed. */
  holds(agents: readonly string[]): boolean;
  /** An attempt, or a process for one, could not begin. Told of the workspace that it was in, if any. */
  note(fault: MachineFault, workspace?: { readonly agent: string; readonly root: string }): void;
  /** Looks whether attempts can write here; begins to hold, and returns why, when they cannot. */
  look(): Promise<MachineFault | null>;
  /** An attempt has begun: what was in the way is over. */
  noteBegun(): void;
  stop(): void;
}

interface Hold extends Place {
  fault: MachineFault;
  timer: NodeJS.Timeout | undefined;
}

export function createMachineHolds(options: HoldOptions): MachineHolds {
  const { ensureScratch, scratchRoot, onChange, log, waitsMs = WAITS_MS } = options;
  const held = new Map<string | null, Hold>();
  /** Grows while attempts cannot begin although a probe is written: what they need is more than that. */
  let nextWaitMs = waitsMs.first;
  let isStopped = false;

  const own: Place = { agent: null, directory: scratchRoot };

  function begin(place: Place, fault: MachineFault): void {
    if (isStopped) return;
    const known = held.get(place.agent);
    if (known !== undefined) {
      known.fault = fault;
      return;
    }
    const hold: Hold = { ...place, fault, timer: undefined };
    held.set(place.agent, hold);
    const waitMs = nextWaitMs;
    nextWaitMs = Math.min(waitsMs.longest, 2 * nextWaitMs);
    log.error(
      { ...toFacts(hold), retrySeconds: waitMs / 1_000 },
      `no run is claimed ${place.agent === null ? 'here' : `of agent "${place.agent}"`}: ${fault.message}`,
    );
    lookAfter(hold, waitMs);
    onChange();
  }

  function lookAfter(hold: Hold, waitMs: number): void {
    hold.timer = after(waitMs, async () => {
      const fault = await probe(hold);
      if (isStopped || held.get(hold.agent) !== hold) return;
      if (fault !== null) {
        hold.fault = fault;
        return lookAfter(hold, waitsMs.first);
      }
      held.delete(hold.agent);
      log.info(toFacts(hold), 'the machine has what it lacked: runs are claimed again');
      onChange();
      return undefined;
    });
  }

  async function probe({ agent, directory }: Place): Promise<MachineFault | null> {
    const file = path.join(directory, `.longhaul-probe-${process.pid}`);
    try {
      if (agent === null) await ensureScratch();
      else await mkdir(directory, { recursive: true });
      // Not zeros: some file systems keep those without room.
      await writeFile(file, Buffer.alloc(PROBE_BYTES, 'probe'), { mode: 0o600 });
      return null;
    } catch (error) {
      return asMachineFault(error);
    } finally {
      await rm(file, { force: true }).catch(() => {}); // It may never have been there.
    }
  }

  return {
    get reason() {
      const reasons = [...held.values()].map(({ agent, fault }) =>
        agent === null ? fault.message : `agent "${agent}": ${fault.message}`,
      );
      return reasons.length === 0 ? null : reasons.join('; ');
    },
    holds: (agents) => held.has(null) || agents.some((agent) => held.has(agent)),
    note(fault, workspace) {
      const isElsewhere = workspace !== undefined && isFaultOfDisk(fault);
      begin(isElsewhere ? { agent: workspace.agent, directory: workspace.root } : own, fault);
    },
    async look() {
      const fault = await probe(own);
      if (fault !== null) begin(own, fault);
      return fault;
    },
    noteBegun() {
      nextWaitMs = waitsMs.first;
    },
    stop() {
      isStopped = true;
      for (const { timer } of held.values()) clearTimeout(timer);
    },
  };
}

function toFacts({ agent, directory, fault }: Hold) {
  return { ...(agent !== null && { agent }), directory, code: fault.code };
}
