import { sql } from 'kysely';
import type { CustomToolResult } from '../../core/custom-tools.ts';
import type { Database, Transaction } from '../../db/database.ts';

/** The use of a tool that the client runs, with what its approval does not have. */
export interface CustomToolUse {
  /** The input as the model has given it: nothing in it is masked. */
  readonly input: unknown;
  /** Null until the client has sent it, and for a use that never gets one. */
  readonly result: CustomToolResult | null;
}

/** Reads the uses of tools that the client runs, by their approvals. */
export async function readCustomToolUses(
  database: Pick<Database, 'sql'>,
  approvalIds: readonly string[],
): Promise<Map<string, CustomToolUse>> {
  if (approvalIds.length === 0) return new Map();
  const rows = await database.sql
    .selectFrom('longhaul.custom_tool_uses')
    .select(['approval_id', 'input', 'result'])
    .where('approval_id', '=', sql<string>`any(${sql.val([...approvalIds])}::uuid[])`)
    .execute();
  return new Map(
    rows.map(({ approval_id: id, input, result }) => [id, { input, result: result as CustomToolResult | null }]),
  );
}

/** Keeps the result of a use. The caller has locked its approval, which is pending. */
export async function keepCustomToolResult(
  trx: Transaction,
  { approvalId, result }: { approvalId: string; result: CustomToolResult },
): Promise<void> {
  await trx
    .updateTable('longhaul.custom_tool_uses')
    .set({ result: JSON.stringify(result) })
    .where('approval_id', '=', approvalId)
    .execute();
}
