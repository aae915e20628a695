import { settlesWithin } from '../../core/settles-within.ts';
import { toFields, toText } from '../../core/untyped.ts';
import type { ClaudeState } from './claude-state.ts';
import { toCommand } from './prompt-queue.ts';

/** A process takes 25 ms to clear its conversation. */
const CLEAR_TIMEOUT_MS = 2_000;

/** Clears the conversation, so that the process waits for another prompt. Returns false when that failed. */
export async function clearConversation(claude: ClaudeState): Promise<boolean> {
  const { prompts, store, listened } = claude;
  const cleared = Promise.withResolvers<void>();
  let isForgotten = false;
  let claudeSessionId: string | null = null;
  claude.receiver = null;
  claude.listener = {
    hear(message) {
      const fields = toFields(message);
      if (fields['type'] === 'conversation_reset') isForgotten = true;
      if (fields['type'] !== 'result') return;
      // Not the reset's `new_conversation_id`, under which nothing is written.
      claudeSessionId = toText(fields['session_id']);
      cleared.resolve();
    },
  };
  prompts.push(toCommand('/clear'));
  // Entries so far belong to the transcript that this process is taken from.
  const isOver = Promise.all([Promise.race([cleared.promise, listened.promise]), store.flush()]);
  const isInTime = await settlesWithin(isOver, CLEAR_TIMEOUT_MS);
  const isAlive = claude.child?.hasExited === false && claude.ending === null;
  if (!isInTime || !isForgotten || claudeSessionId === null || !isAlive) return false;
  store.startNext(claudeSessionId);
  claude.spent = null;
  claude.listener = null;
  return true;
}
