import { inBackground } from '../core/guard.ts';
import type { Breach } from './outcome/agent-outcome.ts';
import type { AgentSpec } from './agent-spec.ts';
import { toMaxBytes } from './process/keep-process.ts';
import type { Listener } from './listener.ts';
import { readPeakMemory, readResidentMemory, watchMemory } from './process-tree/process-memory.ts';
import { watchSandbox } from './sandbox/watch-sandbox.ts';
import type { ClaudeChild } from './process/spawn-claude.ts';
import { watchForHang } from './watchdog.ts';

const HUNG_TIMEOUT_MS = 60_000;

interface LimitsWatchOptions {
  readonly spec: Pick<AgentSpec, 'limits' | 'hasOpenModelCall' | 'hungTimeoutMs'>;
  readonly processId: string;
  /** True when the process has served another attempt before. Defaults to false. */
  readonly isUsed?: boolean;
  readonly child: ClaudeChild;
  readonly listener: Listener;
  readonly onMemory: (bytes: number) => void;
}

interface LimitsWatch {
  /** Resolves when a limit is exceeded; otherwise never. */
  readonly breached: Promise<Breach>;
  /**
   * Ends the watch. Returns the highest memory that was measured, and a limit at which the kernel
   * has refused something. Call it while the process is alive, when it knows more.
   */
  stop(): { readonly peakBytes: number | null; readonly breach: Breach | null };
}

/**
 * Watches limits that Claude Code itself does not enforce: the memory of its tree, the limits of its sandbox, and that
 * it does anything at all.
 */
export function watchLimits(options: LimitsWatchOptions): LimitsWatch {
  const { spec, processId, isUsed = false, child, listener, onMemory } = options;
  // The kernel's figure is the highest since the start of the process: an earlier attempt may have caused it.
  const peakBefore = isUsed ? readPeakMemory(child.claudePid) : null;
  const breached = Promise.withResolvers<Breach>();
  const maxBytes = toMaxBytes(spec.limits.maxMemoryMb);
  let peakBytes: number | null = null;
  let isOver = false;
  const notePeak = (bytes: number | null) => {
    if (bytes !== null) peakBytes = Math.max(peakBytes ?? 0, bytes);
  };

  const stopMemory =
    child.pid === null
      ? () => undefined
      : watchMemory({ rootPid: child.pid, mark: processId }, (bytes) => {
          notePeak(bytes);
          onMemory(bytes);
          if (maxBytes === null || bytes <= maxBytes) return;
          const detail = `The run's processes used ${toMb(bytes)} MB of at most ${toMb(maxBytes)} MB`;
          breached.resolve({ code: 'memory_exceeded', detail });
        });

  const { watched } = child;
  const stopSandbox =
    watched === null
      ? () => undefined
      : watchSandbox({ ...watched, firstPid: () => child.claudePid, onBreach: breached.resolve });

  const { hasOpenModelCall, hungTimeoutMs = HUNG_TIMEOUT_MS } = spec;
  let stopHang = () => {};
  if (hasOpenModelCall !== undefined) {
    // The start has a separate time limit.
    inBackground(async () => {
      await listener.firstWord;
      if (isOver) return;
      stopHang = watchForHang({
        timeoutMs: hungTimeoutMs,
        countMessages: () => listener.messageCount,
        isWaiting: () => listener.isWaiting || hasOpenModelCall(),
        onHung() {
          const detail = `Claude Code sent no message for ${hungTimeoutMs} ms, with no model call and no tool in progress`;
          breached.resolve({ code: 'hung', detail });
        },
      });
    });
  }
  return {
    breached: breached.promise,
    stop() {
      isOver = true;
      stopMemory();
      stopSandbox();
      stopHang();
      // A short run ends between two samples; the kernel remembers at least the largest process.
      const peak = readPeakMemory(child.claudePid);
      notePeak(peak !== null && peak === peakBefore ? readResidentMemory(child.claudePid) : peak);
      return { peakBytes, breach: watched?.findBreach() ?? null };
    },
  };
}

function toMb(bytes: number): string {
  return Math.round(bytes / 1_000_000).toLocaleString('en-US');
}
