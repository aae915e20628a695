import { toMessage } from '../../core/errors.ts';
import { settlesWithin } from '../../core/settles-within.ts';
import { toStorable } from '../../core/text.ts';
import type { Breach, Refusal } from '../outcome/agent-outcome.ts';
import type { StartedClaude } from './claude-state.ts';
import { LAST_WORDS_TIMEOUT_MS } from './end-claude.ts';
import { checkMcpServers } from './mcp-servers.ts';
import { judgeOutcome } from '../outcome/outcome.ts';

/** Time within which a process must send its first message. */
export const START_TIMEOUT_MS = 30_000;

/**
 * Resolves with null when a process waits for a prompt, or with the reason when it will not. `close` ends a process
 * that has no prompt; a process that already has one is ended by its attempt.
 */
export async function findReadiness(claude: StartedClaude, close: () => Promise<void>): Promise<Refusal | null> {
  const launch = await claude.launched;
  const closeUnused = async () => {
    if (claude.useCount === 0) await close();
  };
  if ('refusal' in launch) {
    await closeUnused();
    return launch.refusal;
  }
  const child = 'child' in launch ? launch.child : null;
  const hasSpoken = claude.firstWord.promise.then(() => true);
  const hasEnded = Promise.all([child?.exited, claude.listened.promise]).then(() => false);
  const spoke = Promise.race([hasSpoken, hasEnded]);
  const isInTime = await settlesWithin(spoke, claude.spec.startTimeoutMs ?? START_TIMEOUT_MS);
  const isAlive = isInTime && (await spoke) && child?.hasExited === false;
  const problem = isAlive ? await findServerProblem(claude) : null;
  if (isAlive && problem === null && !child.hasExited) return null;
  if (problem !== null && !child?.hasExited) {
    await closeUnused();
    return { status: 'failed', ...problem };
  }
  const thrown = isInTime ? await claude.listened.promise : null;
  await closeUnused();
  return judgeOutcome({
    result: null,
    answer: '',
    needsAnswer: false,
    lastStopReason: null,
    refusalCategory: null,
    thrown,
    assistantError: null,
    providerFailure: null,
    stopReason: null,
    breach: null,
    isInitialized: false,
    isStartTimedOut: !isInTime,
    exitCode: child?.exitCode ?? null,
    signal: child?.signal ?? null,
    stderrTail: child?.stderrTail() ?? '',
  }) as Refusal;
}

/** Returns the problem of the MCP servers with which a process cannot work for its agent, or null. */
export async function findServerProblem(claude: StartedClaude): Promise<Breach | null> {
  const { agent } = claude.spec;
  if (agent.mcpServers.length === 0) return null;
  await claude.launched;
  const { conversation, child } = claude;
  if (conversation === null || child === null) return null;
  try {
    await conversation.initializationResult();
    return await checkMcpServers(agent, conversation);
  } catch (error) {
    // When the process has ended, its own messages say more than this error.
    if (await settlesWithin(child.exited, LAST_WORDS_TIMEOUT_MS)) return null;
    return {
      code: 'mcp_server_failed',
      detail: `the status of the MCP servers could not be read: ${toStorable(toMessage(error))}`,
    };
  }
}
