import { settlesWithin } from '../../core/settles-within.ts';
import { toFields, toText } from '../../core/untyped.ts';
import type { ClaudeState } from './claude-state.ts';

/** Time within which the last entries of the conversation must be stored. */
const FLUSH_TIMEOUT_MS = 10_000;

/**
 * Messages of a process that has nothing to do: after a result it only reports that it has handled the prompt
 * (measured, 2.1.332: nothing else within 12 s, no entry of the transcript, and no model call).
 */
const IDLE = new Set(['command_lifecycle', 'keep_alive', 'system/status', 'system/session_state_changed']);

/**
 * Lets a process wait with its conversation. Returns false when it could not continue exactly as a new process would that
 * resumes the stored transcript: an entry of the transcript is missing there, a `cd` has left the workspace, or the
 * process has begun something by itself. Until the next prompt, such a sign makes the process unusable.
 */
export async function pauseConversation(claude: ClaudeState): Promise<boolean> {
  const { spec, store } = claude;
  claude.isPaused = true;
  claude.listener = {
    hear(message) {
      const fields = toFields(message);
      const type = toText(fields['type']) ?? '';
      const name = type === 'system' ? `system/${toText(fields['subtype'])}` : type;
      if (!IDLE.has(name)) claude.isPaused = false;
    },
  };
  const isInTime = await settlesWithin(store.flush(), FLUSH_TIMEOUT_MS);
  const isAlive = claude.child?.hasExited === false && claude.ending === null;
  const isAsBefore = claude.isPaused && store.workingDir === spec.workspaceDir;
  if (!isInTime || !isAlive || !isAsBefore || !store.pause(() => void (claude.isPaused = false))) return false;
  // Not before: the last connections of its tools belong to the attempt that ends.
  claude.receiver = null;
  return true;
}
