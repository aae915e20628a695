import { expect } from 'vitest';
import type { Database } from '../../db/database.ts';
import { recordEvents } from '../log/append-events.ts';
import { toRequestedEvent, type Approval } from './approval.ts';
import type { Claim } from '../claim/claim.ts';
import { requestApproval } from './request-approval.ts';

interface Asking {
  readonly claimed: Claim;
  readonly toolUseId?: string;
  readonly kind?: Approval['kind'];
  readonly tool?: string;
  readonly input?: unknown;
}

/** Makes a tool use of a claimed run wait for a person, as its worker does. Defaults to `Bash` with `ls`. */
export async function askPerson(
  database: Database,
  { claimed, toolUseId = 'toolu_1', kind = 'tool', tool = 'Bash', input = { command: 'ls' } }: Asking,
): Promise<Approval> {
  const { lease, lastSeq, run } = claimed;
  const approval = await requestApproval(database, {
    lease,
    toolUseId,
    kind,
    tool,
    input,
    inputHash: toolUseId,
    customInput: kind === 'custom' ? input : null,
    subagent: null,
    expireSeconds: 600,
  });
  if (approval === null) throw new Error('The lease was lost.');
  const events = [toRequestedEvent(approval)];
  const isWritten = await recordEvents(database, { runId: run.id, attempt: run.attempt, events, lease, lastSeq });
  expect(isWritten).toBe(true);
  return approval;
}
