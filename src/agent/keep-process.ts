import type { ClaudeProcess } from './claude-spec.ts';
import { killProcesses } from './kill-processes.ts';
import type { ClaudeChild } from './spawn-claude.ts';

/** A process grows with each conversation, and what it has read at its start grows old. */
const MAX_USES = 100;
const MAX_AGE_MS = 60 * 60_000;

interface KeepOptions {
  readonly claude: ClaudeProcess;
  readonly child: ClaudeChild;
  /** Whether the attempt used a tool: only those start processes. */
  readonly hasUsedTools: boolean;
  readonly memoryBytes: number | null;
}

/**
 * Makes a process that has done its work wait for another prompt: everything it has started is ended, and the
 * conversation forgotten. False when it is not fit for that; then it is the caller's to end.
 */
export async function keepProcess({ claude, child, hasUsedTools, memoryBytes }: KeepOptions): Promise<boolean> {
  const { useCount, startedAtMs, spec } = claude;
  const isOld = useCount >= MAX_USES || performance.now() - startedAtMs > MAX_AGE_MS;
  const isLarge = memoryBytes !== null && memoryBytes > (toMaxBytes(spec.limits.maxMemoryMb) ?? Infinity) / 2;
  if (isOld || isLarge || child.hasExited) return false;
  if (hasUsedTools && !(await endTools(claude.id, child))) return false;
  return claude.reset();
}

/** The limit in bytes, or null for a run from before there was one. */
export function toMaxBytes(maxMemoryMb: number | undefined): number | null {
  return maxMemoryMb === undefined ? null : maxMemoryMb * 1_000_000;
}

async function endTools(processId: string, child: ClaudeChild): Promise<boolean> {
  const spared = [child.pid, child.claudePid].filter((pid) => pid !== null);
  const isOurs = (entry: { attemptId: string | null; parentPid: number }) =>
    entry.attemptId === processId || spared.includes(entry.parentPid);
  const { survivors } = await killProcesses(isOurs, spared);
  return survivors.length === 0;
}
