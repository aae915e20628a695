import { writeFile, rm, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../core/log.ts';
import { asMachineFault, isFaultOfDisk, type MachineFault } from '../core/machine-fault.ts';
import { after } from '../core/timers.ts';

/**
 * Bytes of the probe, several times what a start of Claude Code and its work need at least: its own directories take
 * 0.1 MB.
 */
const PROBE_BYTES = 1_000_000;

/** Shortest and longest time without claims until the next probe. */
const WAITS_MS = { first: 5_000, longest: 300_000 };

/** A place where attempts write: the directory of all attempts, or the workspaces of one agent. */
interface Place {
  /** Null for the worker's own directory. */
  readonly agent: string | null;
  readonly directory: string;
}

interface PauseOptions {
  /** Creates the worker's own directory if it does not exist. */
  readonly ensureScratch: () => Promise<void>;
  readonly scratchRoot: string;
  /** Called when the worker stops or resumes claiming. */
  readonly onChange: () => void;
  readonly log: Pick<Logger, 'error' | 'info'>;
  /** Wait before the first probe, and the longest wait. Defaults to 5 s and 5 min. */
  readonly waitsMs?: { readonly first: number; readonly longest: number };
}

/**
 * Keeps a worker from claiming runs that its machine cannot execute: a full disk would fail every run, one after the
 * other. Claiming stops when an attempt could not begin, and resumes when a probe is written.
 */
export interface MachinePauses {
  /** The reason why no runs are claimed, for all agents or some; null when claiming is possible. */
  readonly reason: string | null;
  /** Returns whether runs of these agents must not be claimed. */
  isPaused(agents: readonly string[]): boolean;
  /**
   * Notes that an attempt, or a process for one, could not begin, and in which workspace, if it was the workspace's
   * fault.
   */
  note(fault: MachineFault, workspace?: { readonly agent: string; readonly root: string }): void;
  /** Probes whether attempts can write here. If not, stops claiming and returns the fault. */
  probe(): Promise<MachineFault | null>;
  /** Notes that an attempt has begun: the fault is gone. */
  noteBegun(): void;
  stop(): void;
}

interface Pause extends Place {
  fault: MachineFault;
  timer: NodeJS.Timeout | undefined;
}

export function createMachinePauses(options: PauseOptions): MachinePauses {
  const { ensureScratch, scratchRoot, onChange, log, waitsMs = WAITS_MS } = options;
  const paused = new Map<string | null, Pause>();
  /** Grows while attempts cannot begin although a probe is written: they need more than the probe. */
  let nextWaitMs = waitsMs.first;
  let isStopped = false;

  const own: Place = { agent: null, directory: scratchRoot };

  function begin(place: Place, fault: MachineFault): void {
    if (isStopped) return;
    const known = paused.get(place.agent);
    if (known !== undefined) {
      known.fault = fault;
      return;
    }
    const pause: Pause = { ...place, fault, timer: undefined };
    paused.set(place.agent, pause);
    const waitMs = nextWaitMs;
    nextWaitMs = Math.min(waitsMs.longest, 2 * nextWaitMs);
    log.error(
      { ...toFacts(pause), retrySeconds: waitMs / 1_000 },
      `no run is claimed ${place.agent === null ? 'here' : `of agent "${place.agent}"`}: ${fault.message}`,
    );
    probeAfter(pause, waitMs);
    onChange();
  }

  function probeAfter(pause: Pause, waitMs: number): void {
    pause.timer = after(waitMs, async () => {
      const fault = await writeProbe(pause);
      if (isStopped || paused.get(pause.agent) !== pause) return;
      if (fault !== null) {
        pause.fault = fault;
        return probeAfter(pause, waitsMs.first);
      }
      paused.delete(pause.agent);
      log.info(toFacts(pause), 'the fault of the machine is gone: runs are claimed again');
      onChange();
      return undefined;
    });
  }

  async function writeProbe({ agent, directory }: Place): Promise<MachineFault | null> {
    const file = path.join(directory, `.longhaul-probe-${process.pid}`);
    try {
      if (agent === null) await ensureScratch();
      else await mkdir(directory, { recursive: true });
      // Not zeros: some file systems store zeros without using space.
      await writeFile(file, Buffer.alloc(PROBE_BYTES, 'probe'), { mode: 0o600 });
      return null;
    } catch (error) {
      return asMachineFault(error);
    } finally {
      await rm(file, { force: true }).catch(() => {}); // The file may not exist.
    }
  }

  return {
    get reason() {
      const reasons = [...paused.values()].map(({ agent, fault }) =>
        agent === null ? fault.message : `agent "${agent}": ${fault.message}`,
      );
      return reasons.length === 0 ? null : reasons.join('; ');
    },
    isPaused: (agents) => paused.has(null) || agents.some((agent) => paused.has(agent)),
    note(fault, workspace) {
      const isElsewhere = workspace !== undefined && isFaultOfDisk(fault);
      begin(isElsewhere ? { agent: workspace.agent, directory: workspace.root } : own, fault);
    },
    async probe() {
      const fault = await writeProbe(own);
      if (fault !== null) begin(own, fault);
      return fault;
    },
    noteBegun() {
      nextWaitMs = waitsMs.first;
    },
    stop() {
      isStopped = true;
      for (const { timer } of paused.values()) clearTimeout(timer);
    },
  };
}

function toFacts({ agent, directory, fault }: Pause) {
  return { ...(agent !== null && { agent }), directory, code: fault.code };
}
