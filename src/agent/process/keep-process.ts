import type { ClaudeProcess } from './claude-spec.ts';
import { killProcesses } from '../process-tree/kill-processes.ts';
import type { ClaudeChild } from './spawn-claude.ts';

/** A process grows with each conversation, and the settings it read at its start become old. */
const MAX_USES = 100;
const MAX_AGE_MS = 60 * 60_000;

interface KeepOptions {
  readonly claude: ClaudeProcess;
  readonly child: ClaudeChild;
  /** True when the attempt used a tool: only tools start processes. */
  readonly hasUsedTools: boolean;
  readonly memoryBytes: number | null;
}

/**
 * Prepares a process that has finished its work for another prompt: ends everything it has started, and clears the
 * conversation. Returns false when that is not possible; the caller must then end the process.
 */
export async function keepProcess({ claude, child, hasUsedTools, memoryBytes }: KeepOptions): Promise<boolean> {
  const { useCount, startedAtMs, spec } = claude;
  const isOld = useCount >= MAX_USES || performance.now() - startedAtMs > MAX_AGE_MS;
  const isLarge = memoryBytes !== null && memoryBytes > (toMaxBytes(spec.limits.maxMemoryMb) ?? Infinity) / 2;
  if (isOld || isLarge || child.hasExited) return false;
  if (hasUsedTools && !(await endTools(claude.id, child))) return false;
  return claude.reset();
}

/** Returns the limit in bytes, or null for a run from a version without this limit. */
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
