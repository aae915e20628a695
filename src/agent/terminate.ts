import type { Logger } from '../core/log.ts';
import type { ClaudeChild } from './spawn-claude.ts';
import { killAttempt } from './kill-processes.ts';
import { settlesWithin } from './settles-within.ts';

/** How long each step may take before the next, harder one. */
const INTERRUPT_TIMEOUT_MS = 2_000;
const TERM_TIMEOUT_MS = 2_000;

interface TerminateOptions {
  readonly child: ClaudeChild;
  readonly attemptId: string;
  /** Asks Claude Code to stop, which makes it report what it has spent. Null: not worth asking. */
  readonly interrupt: (() => Promise<unknown>) | null;
  readonly log?: Logger | undefined;
}

/**
 * Ends a Claude Code process and every process it has started, gently first: interrupt, SIGTERM, SIGKILL of
 * the whole tree. When it resolves, after 9 s at the most, the tree is proven gone or an error is logged.
 */
export async function terminate({ child, attemptId, interrupt, log }: TerminateOptions): Promise<void> {
  if (!child.hasExited && interrupt !== null) {
    // A refused interrupt means that nobody is listening: it settles at once, and the next step follows.
    const heeded = interrupt().then(() => child.exited);
    await settlesWithin(Promise.race([heeded, child.exited]), INTERRUPT_TIMEOUT_MS);
  }
  if (!child.hasExited) {
    child.kill('SIGTERM');
    await settlesWithin(child.exited, TERM_TIMEOUT_MS);
  }
  if (child.hasTakenAllAlong) return;
  const { survivors } = await killAttempt(attemptId);
  if (survivors.length > 0) {
    log?.error({ attemptId, pids: survivors.map((entry) => entry.pid) }, 'processes of an attempt could not be ended');
  }
}
