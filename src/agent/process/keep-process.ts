import type { ClaudeProcess } from './claude-spec.ts';
import { findTree, killProcesses } from '../process-tree/kill-processes.ts';
import type { ClaudeChild } from './spawn-claude.ts';
import { OUTPUT_TOOL, QUESTION_TOOL } from '../tools/tool-use.ts';

/** A process grows with each conversation, and the settings it read at its start become old. */
const MAX_USES = 100;
const MAX_AGE_MS = 60 * 60_000;

interface KeepOptions {
  readonly claude: ClaudeProcess;
  readonly child: ClaudeChild;
  /** The tools that the attempt used: only tools start processes. */
  readonly usedTools: readonly string[];
  /** True when another model has taken over from the agent's. */
  readonly hasChangedModel: boolean;
  readonly memoryBytes: number | null;
}

/**
 * Prepares a process that has finished its work for another prompt: ends everything it has started, and clears the
 * conversation. Returns false when that is not possible; the caller must then end the process.
 */
export async function keepProcess(options: KeepOptions): Promise<boolean> {
  const { claude, child, usedTools } = options;
  if (isWorn(options)) return false;
  if (usedTools.length > 0 && !(await endTools(claude.id, child))) return false;
  return claude.reset();
}

/**
 * Tools that change nothing in the process but its conversation; the others may set another mode or model, or come back
 * later by themselves. The tools of MCP servers run elsewhere.
 */
const WITHOUT_TRACE = new Set([
  'Agent',
  'Bash',
  'Edit',
  'Glob',
  'Grep',
  'MultiEdit',
  'NotebookEdit',
  'Read',
  'Task',
  'TodoWrite',
  'WebFetch',
  'WebSearch',
  'Write',
  OUTPUT_TOOL,
  QUESTION_TOOL,
]);

/**
 * Prepares a process that has finished its work for the next prompt of its conversation. Returns false when it could
 * not continue exactly as a new process would; the caller must then end the process.
 */
export async function keepConversation(options: KeepOptions): Promise<boolean> {
  const { claude, child, usedTools, hasChangedModel } = options;
  if (isWorn(options) || hasChangedModel) return false;
  if (!usedTools.every((name) => WITHOUT_TRACE.has(name) || name.startsWith('mcp__'))) return false;
  // Without a namespace, nobody finds a command that has detached itself and cleared its environment.
  if (usedTools.includes('Bash') && !child.isContained) return false;
  if (usedTools.length > 0 && (await hasLeftOver(claude.id, child))) return false;
  return claude.pause();
}

/** Returns whether a process has served long enough, or has become large. */
function isWorn({ claude, child, memoryBytes }: KeepOptions): boolean {
  const { useCount, startedAtMs, spec } = claude;
  const isOld = useCount >= MAX_USES || performance.now() - startedAtMs > MAX_AGE_MS;
  const isLarge = memoryBytes !== null && memoryBytes > (toMaxBytes(spec.limits.maxMemoryMb) ?? Infinity) / 2;
  return isOld || isLarge || child.hasExited;
}

/** Returns the limit in bytes, or null for a run from a version without this limit. */
export function toMaxBytes(maxMemoryMb: number | undefined): number | null {
  return maxMemoryMb === undefined ? null : maxMemoryMb * 1_000_000;
}

async function endTools(processId: string, child: ClaudeChild): Promise<boolean> {
  const { isOurs, spared } = selectTools(processId, child);
  const { survivors } = await killProcesses(isOurs, spared);
  return survivors.length === 0;
}

/** Returns whether a tool has left a process behind. Claude Code may still know of it, so it is not simply ended. */
async function hasLeftOver(processId: string, child: ClaudeChild): Promise<boolean> {
  const { isOurs, spared } = selectTools(processId, child);
  return (await findTree(isOurs)).some(({ pid }) => !spared.includes(pid));
}

function selectTools(processId: string, child: ClaudeChild) {
  const spared = [child.pid, child.claudePid].filter((pid) => pid !== null);
  const isOurs = (entry: { attemptId: string | null; parentPid: number }) =>
    entry.attemptId === processId || spared.includes(entry.parentPid);
  return { isOurs, spared };
}
