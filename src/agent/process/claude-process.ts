import { inBackground } from '../../core/guard.ts';
import { findReadiness, findServerProblem } from './claude-readiness.ts';
import type { ClaudeProcess, ClaudeSpec, Ending, Prompt } from './claude-spec.ts';
import { createClaudeState, type StartedClaude } from './claude-state.ts';
import { clearConversation } from './clear-conversation.ts';
import { endClaude } from './end-claude.ts';
import { launchClaude } from './launch-claude.ts';
import { pauseConversation } from './pause-conversation.ts';
import { toPrompt } from './prompt-queue.ts';

export type { ClaudeProcess, ClaudeSpec } from './claude-spec.ts';

/** Starts Claude Code without a prompt. Never throws: failures are in `ready`. */
export function startClaude(spec: ClaudeSpec): ClaudeProcess {
  const startedAtMs = performance.now();
  const state = createClaudeState(spec);
  const claude: StartedClaude = Object.assign(state, { launched: launchClaude(state) });
  const end = (how: Ending) => endClaude(claude, how);
  const close = () => end({ isFinished: true });
  return {
    id: spec.processId,
    spec,
    ready: findReadiness(claude, close),
    get isFree() {
      const isWaiting = claude.listener === null || claude.isPaused;
      return isWaiting && claude.ending === null && claude.child?.hasExited !== true;
    },
    exited: claude.launched.then((launch) => ('child' in launch ? launch.child.exited : undefined)),
    close,
    launched: claude.launched,
    hideResultPaths: claude.toolResults.hide,
    startedAtMs,
    get useCount() {
      return claude.useCount;
    },
    ask: (prompt) => ask(claude, prompt),
    tell: ({ id, ...message }) => claude.prompts.push(toPrompt({ ...message, note: null, uuid: id })),
    listened: claude.listened.promise,
    flush: claude.store.flush,
    end,
    get spent() {
      return claude.spent;
    },
    reset: () => clearConversation(claude),
    pause: () => pauseConversation(claude),
  };
}

/** Hands over a prompt when the process can work for its agent. */
function ask(claude: StartedClaude, prompt: Prompt): void {
  const { spec, prompts, store } = claude;
  claude.useCount += 1;
  claude.isPaused = false;
  claude.receiver = prompt.receiver;
  claude.listener = prompt.receiver;
  store.bind(prompt.transcript);
  // At once when there are no servers to check: one step later would delay the first text.
  if (spec.agent.mcpServers.length === 0) return prompts.push(toPrompt(prompt));
  inBackground(async () => {
    const problem = await findServerProblem(claude);
    if (problem === null) prompts.push(toPrompt(prompt));
    else prompt.receiver.noteServerProblem(problem);
  });
}
