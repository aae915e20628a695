import type { ToolUse } from '../agent/tools/tool-use.ts';
import { every } from '../core/every.ts';
import { guarded, inBackground } from '../core/guard.ts';
import { after } from '../core/timers.ts';
import type { KnownApproval } from '../run/approvals/request-approval.ts';

/** Margin before the end of the attempt's time at which the process is given up, so that it can end in time. */
const MARGIN_MS = 5_000;

/** Interval of the poll for decisions, for the case that a notification was lost. */
const POLL_EVERY_MS = 5_000;

interface WaitOptions {
  /** Longest wait for a decision while the process is kept, in seconds. */
  readonly holdSeconds: number;
  /** The end of the attempt's time, on the monotonic clock. */
  readonly endsAtMs: number;
  /** Reads the approval of a tool use, with the decision if there is one. */
  readonly read: (toolUseId: string) => Promise<KnownApproval | null>;
  /** Ends the attempt when its tool use cannot be deferred; the run then waits without a process. */
  readonly giveUp: () => void;
  readonly onPollFailed: (error: unknown) => void;
}

/** The tool uses of one attempt that wait for a decision now. */
export interface ApprovalWait {
  /**
   * Resolves with the decided approval, or with `later` when the process should not wait any longer. Rejects when
   * `signal` is aborted.
   */
  untilDecided(approval: KnownApproval, asked: { use: ToolUse; signal: AbortSignal }): Promise<KnownApproval | 'later'>;
  /** Reads the decisions now, in the background. */
  poll(): void;
  /** Stops every wait, now and from now on. */
  release(): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly toolUseId: string;
  readonly isSubagents: boolean;
  readonly resolve: (decided: KnownApproval | 'later') => void;
}

/**
 * Creates the wait of one attempt. The process waits at most `holdSeconds`, counted from the first use that waits; later
 * uses are then deferred at once. When a subagent's use is among them, it waits as long as the attempt's time allows,
 * because the subagent's work and cost are lost with its process. With `holdSeconds: 0` it never waits.
 */
export function createApprovalWait(options: WaitOptions): ApprovalWait {
  const { holdSeconds, endsAtMs, giveUp, onPollFailed } = options;
  /** By the approval's id. */
  const waiting = new Map<string, Waiting>();
  let isReleased = false;
  let holdTimer: NodeJS.Timeout | undefined;
  let stopPolling: (() => Promise<void>) | null = null;

  /** Returns the time until the process must be given up in any case. */
  const toLeftMs = () => endsAtMs - MARGIN_MS - performance.now();

  function onHeld(): void {
    const leftMs = toLeftMs();
    const isWorkAtStake = holdSeconds > 0 && [...waiting.values()].some(({ isSubagents }) => isSubagents);
    if (isWorkAtStake && leftMs > 0) holdTimer = after(leftMs, release);
    else release();
  }

  function release(): void {
    isReleased = true;
    const uses = [...waiting.values()];
    // A subagent's use cannot be deferred, so the process is stopped where it is.
    if (uses.some(({ isSubagents }) => isSubagents)) return giveUp();
    for (const { resolve } of uses) resolve('later');
  }

  async function readDecisions(): Promise<void> {
    for (const [id, { toolUseId, resolve }] of waiting) {
      const found = await options.read(toolUseId);
      if (found === null || found.status === 'pending' || found.id !== id) continue;
      resolve(found);
    }
  }

  const poll = () => {
    if (waiting.size > 0) inBackground(readDecisions, onPollFailed);
  };

  return {
    untilDecided(approval, { use, signal }) {
      const { promise, resolve, reject } = Promise.withResolvers<KnownApproval | 'later'>();
      const onAbort = guarded(() => reject(new Error('The attempt has ended.')));
      waiting.set(approval.id, { toolUseId: approval.tool.useId, isSubagents: use.subagent !== null, resolve });
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      holdTimer ??= after(Math.max(0, Math.min(holdSeconds * 1_000, toLeftMs())), onHeld);
      stopPolling ??= every({ intervalMs: POLL_EVERY_MS, task: readDecisions, onError: onPollFailed });
      // A decision may have been made since the approval was read.
      poll();
      if (isReleased) release();
      return promise.finally(() => {
        waiting.delete(approval.id);
        signal.removeEventListener('abort', onAbort);
        if (waiting.size > 0) return;
        clearTimeout(holdTimer);
        holdTimer = undefined;
      });
    },
    poll,
    release,
    async close() {
      clearTimeout(holdTimer);
      await stopPolling?.();
    },
  };
}
