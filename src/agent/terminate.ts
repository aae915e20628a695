import type { Logger } from '../core/log.ts';
import type { ClaudeChild } from './spawn-claude.ts';
import { killAttempt } from './kill-processes.ts';
import { settlesWithin } from '../core/settles-within.ts';

/** How long each step may take before the next, harder one. */
const INTERRUPT_TIMEOUT_MS = 2_000;
const TERM_TIMEOUT_MS = 2_000;

interface TerminateOptions {
  readonly child: ClaudeChild;
  /** The mark of all it has started. */
  readonly processId: string;
  /** Whether it has said all there is to hear. */
  readonly isFinished: boolean;
  /**
   * Asks Claude Code to stop, which makes it report what it has spent; resolves when it has said so, and rejects when
   * nobody listens. Null: not worth asking.
   */
  readonly interrupt: (() => Promise<unknown>) | null;
  readonly log?: Logger | undefined;
}

/**
 * Ends a Claude Code process and every process it has started, gently first: interrupt, SIGTERM, SIGKILL of
 * the whole tree. When it resolves, after 9 s at the most, the tree is proven gone or an error is logged.
 */
export async function terminate({ child, processId, isFinished, interrupt, log }: TerminateOptions): Promise<void> {
  let hasSaidAll = isFinished;
  if (!child.hasExited && !isFinished && interrupt !== null) {
    const heeded = interrupt().then(
      () => (hasSaidAll = true),
      () => undefined,
    );
    await settlesWithin(Promise.race([heeded, child.exited]), INTERRUPT_TIMEOUT_MS);
  }
  if (!child.hasExited) {
    // To leave by itself takes it 40 ms, and as much of a processor: that is spared where the kernel ends its tools
    // with it. Elsewhere only Claude Code itself finds those that have cleared their environment and detached.
    child.kill(hasSaidAll && child.isContained ? 'SIGKILL' : 'SIGTERM');
    await settlesWithin(child.exited, TERM_TIMEOUT_MS);
  }
  if (child.hasTakenAllAlong) return;
  const { survivors } = await killAttempt(processId);
  if (survivors.length > 0) {
    log?.error({ processId, pids: survivors.map((entry) => entry.pid) }, 'processes of an attempt could not be ended');
  }
}
