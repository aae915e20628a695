import type { NewEvent } from '../../core/events.ts';
import type { Transaction } from '../../db/database.ts';
import { closeApprovals, type ClosedApprovals } from './close-approvals.ts';
import { closeToolUses } from './close-tool-uses.ts';

interface OpenUses {
  readonly runId: string;
  /** True when the run ends: then nothing of it stays open. */
  readonly isOver: boolean;
  /** False when no attempt of the run has used a tool: then there is no tool use to look for. */
  readonly hasUsedTools: boolean;
}

/**
 * Closes what an attempt, or the whole run, leaves open: approvals, then tool uses without a result. The caller has
 * locked the run's row and writes the returned events in `trx`.
 */
export async function closeOpenUses(
  trx: Transaction,
  { runId, isOver, hasUsedTools }: OpenUses,
): Promise<ClosedApprovals> {
  const { events, waitsUntil } = await closeApprovals(trx, { runId, isOver });
  const results: readonly NewEvent[] = hasUsedTools ? await closeToolUses(trx, { runId, isOver }) : [];
  return { events: [...events, ...results], waitsUntil };
}
