import { toMessage } from '../../core/errors.ts';
import { settlesWithin } from '../../core/settles-within.ts';
import type { Ending } from './claude-spec.ts';
import type { StartedClaude } from './claude-state.ts';
import { terminate } from './terminate.ts';

/** Time within which the SDK must deliver the last messages of a process that has ended. */
export const LAST_WORDS_TIMEOUT_MS = 2_000;

/** Ends a process once, receives its last messages, and removes its directories. Never rejects. */
export function endClaude(claude: StartedClaude, how: Ending): Promise<void> {
  const { processId, log } = claude.spec;
  claude.ended.abort();
  claude.ending ??= endOnce(claude, how).catch((error: unknown) => {
    log?.error({ processId, error: toMessage(error) }, 'a process could not be ended cleanly');
  });
  return claude.ending;
}

async function endOnce(claude: StartedClaude, { isFinished, resultCame = null }: Ending): Promise<void> {
  const { spec, prompts, store, listened } = claude;
  const { processId, log } = spec;
  const launch = await claude.launched;
  try {
    if (!('child' in launch)) return;
    const interrupt = resultCame && (() => Promise.resolve(claude.conversation?.interrupt()).then(() => resultCame));
    await terminate({ child: launch.child, processId, isFinished, interrupt, log });
    // Its last messages count: the result of a run that just finished, or the cost of a run that did not.
    const isHeard = await settlesWithin(listened.promise, LAST_WORDS_TIMEOUT_MS);
    if (!isHeard) {
      // The SDK then removes the directory of a resumed conversation.
      await store.untilRead();
      claude.conversation?.close();
    }
    await settlesWithin(launch.child.closed, LAST_WORDS_TIMEOUT_MS);
  } finally {
    prompts.end();
    await store.untilRead();
    await claude.enclosure?.close();
    await claude.scratch?.remove();
  }
}
