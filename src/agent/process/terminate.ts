import type { Logger } from '../../core/log.ts';
import { report, type ProcessEvents } from '../../core/process-events.ts';
import type { ClaudeChild } from './spawn-claude.ts';
import { killAttempt } from '../process-tree/kill-processes.ts';
import { settlesWithin } from '../../core/settles-within.ts';

/** Time for each step before the next, harder one. */
const INTERRUPT_TIMEOUT_MS = 2_000;
const TERM_TIMEOUT_MS = 2_000;

interface TerminateOptions {
  readonly child: ClaudeChild;
  /** The mark of everything it has started. */
  readonly processId: string;
  /** True when it has sent all that matters. */
  readonly isFinished: boolean;
  /**
   * Asks Claude Code to stop, which makes it report its cost; resolves when it has reported, and rejects when it does
   * not respond. Null when not worth asking.
   */
  readonly interrupt: (() => Promise<unknown>) | null;
  readonly log?: Logger | undefined;
}

/**
 * Ends a Claude Code process and every process it has started, gently first: interrupt, SIGTERM, SIGKILL of the whole
 * tree. When it resolves, after at most 9 s, the end of the tree is proven or an error is logged. The processes of a dead
 * worker are ended by `process-tree/reaper.ts`, and by the sweep of the next worker.
 */
export async function terminate({ child, processId, isFinished, interrupt, log }: TerminateOptions): Promise<void> {
  let step: ProcessEvents['process.ended']['step'] = 'exited';
  let hasSaidAll = isFinished;
  if (!child.hasExited && !isFinished && interrupt !== null) {
    const heeded = interrupt().then(
      () => (hasSaidAll = true),
      () => undefined,
    );
    await settlesWithin(Promise.race([heeded, child.exited]), INTERRUPT_TIMEOUT_MS);
  }
  if (!child.hasExited) {
    // A normal exit takes 40 ms and as much processor time: it is skipped if the kernel ends the tools with the
    // process. Otherwise only Claude Code itself finds tools that have cleared their environment and detached.
    child.kill(hasSaidAll && child.isContained ? 'SIGKILL' : 'SIGTERM');
    const isHeeded = await settlesWithin(child.exited, TERM_TIMEOUT_MS);
    step = isFinished ? 'result' : hasSaidAll ? 'interrupt' : isHeeded ? 'term' : 'kill';
  }
  report('process.ended', { step });
  if (child.hasTakenAllAlong) return;
  const { survivors } = await killAttempt(processId);
  if (survivors.length > 0) {
    log?.error({ processId, pids: survivors.map((entry) => entry.pid) }, 'processes of an attempt could not be ended');
  }
}
