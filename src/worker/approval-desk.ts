import { createHash } from 'node:crypto';
import { toStorableJson } from '../agent/messages/storable-json.ts';
import {
  QUESTION_TOOL,
  type AskForToolUse,
  type ToolUse,
  type ToolUseDecision,
  type ToolUseResult,
} from '../agent/tools/tool-use.ts';
import type { Agent } from '../config/config.ts';
import { isCustomTool } from '../config/mcp-server.ts';
import type { ApprovalKind } from '../core/approvals.ts';
import type { NewEvent } from '../core/events.ts';
import type { Logger } from '../core/log.ts';
import { maskSecretsIn } from '../core/mask-secrets.ts';
import { toStorable } from '../core/text.ts';
import type { Database } from '../db/database.ts';
import type { Lease } from '../run/log/append-events.ts';
import { toRequestedEvent, toResolvedEvent } from '../run/approvals/approval.ts';
import { readCustomToolUses } from '../run/approvals/custom-tool-uses.ts';
import {
  consumeApproval,
  findApproval,
  requestApproval,
  type KnownApproval,
} from '../run/approvals/request-approval.ts';
import type { Run } from '../run/run.ts';
import { createApprovalWait } from './approval-wait.ts';
import { retryWhileAway } from './retry-while-away.ts';

interface DeskOptions {
  readonly database: Database;
  readonly run: Run;
  readonly lease: Lease;
  readonly agent: Agent;
  /** The end of the attempt's time, on the monotonic clock. */
  readonly endsAtMs: number;
  readonly onEvent: (event: NewEvent) => void;
  /** Resolves when every event so far is in the log; false when the log can no longer be written. */
  readonly flush: () => Promise<boolean>;
  /** Ends the attempt when its tool use cannot be deferred; the run then waits without a process. */
  readonly giveUp: () => void;
  /** Aborted when the lease is lost. */
  readonly leaseLost: AbortSignal;
  readonly log: Logger;
}

/** Handles the tool uses of one attempt that wait for a person, or for a result of the client. */
export interface ApprovalDesk {
  readonly ask: AskForToolUse;
  /** Reads the decisions. Call it when one may have been made. */
  poll(): void;
  /** Stops waiting for decisions, because the worker is stopping. */
  release(): void;
  close(): Promise<void>;
}

/** Creates the desk. `createApprovalWait` decides how long the process waits with its tool uses. */
export function createApprovalDesk(options: DeskOptions): ApprovalDesk {
  const { agent, endsAtMs, giveUp, log, run } = options;
  const { poll, release, close, untilDecided } = createApprovalWait({
    holdSeconds: agent.approvals.holdSeconds,
    endsAtMs,
    read: (toolUseId) => find(options, { toolUseId, tool: '', inputHash: '' }),
    giveUp,
    onPollFailed: (err) => log.warn({ err, runId: run.id }, 'approvals could not be read; the worker retries'),
  });
  const ask: AskForToolUse = async (use, signal) => {
    const known = (await persist(options, () => find(options, toKey(use)))) ?? (await request(options, use));
    await tell(options, known);
    const decided = known.status === 'pending' ? await untilDecided(known, { use, signal }) : known;
    if (decided === 'later') return 'later';
    if (decided !== known) await tell(options, { ...decided, isRequestedTold: true });
    // Of the same uses at once, each takes up another decision.
    return (await takeUp(options, decided, use)) ?? ask(use, signal);
  };
  return { ask, poll, release, close };
}

function persist<T>({ leaseLost }: DeskOptions, work: () => Promise<T>): Promise<T> {
  return retryWhileAway(work, { signal: leaseLost });
}

/** The facts by which the approval of a tool use is found again, also in a later attempt. */
interface Key {
  readonly toolUseId: string;
  readonly tool: string;
  readonly inputHash: string;
}

function toKey(use: ToolUse): Key {
  return { toolUseId: toStorable(use.id), tool: toStorable(use.name), inputHash: hashInput(use.input) };
}

function find({ database, run }: DeskOptions, key: Key): Promise<KnownApproval | null> {
  return findApproval(database, { runId: run.id, attempt: run.attempt, ...key });
}

async function request(options: DeskOptions, use: ToolUse): Promise<KnownApproval> {
  const { database, lease, agent } = options;
  const kind = toKind(agent, use);
  const input = toStorableJson(use.input);
  const approval = await persist(options, () =>
    requestApproval(database, {
      lease,
      ...toKey(use),
      kind,
      input: maskSecretsIn(input),
      customInput: kind === 'custom' ? input : null,
      subagent: use.subagent,
      expireSeconds: agent.approvals.expireSeconds,
    }),
  );
  if (approval === null) throw new Error('The lease of the run belongs to another attempt.');
  return { ...approval, takenUpBy: null, isRequestedTold: false, isResolvedTold: false };
}

function toKind({ mcpServers }: Agent, { name }: ToolUse): ApprovalKind {
  if (isCustomTool(mcpServers, name)) return 'custom';
  return name === QUESTION_TOOL ? 'question' : 'tool';
}

/**
 * Records the approval's events. Only this worker writes the log while the run is in progress; recording an event also
 * marks it as recorded.
 */
async function tell({ onEvent, flush }: DeskOptions, approval: KnownApproval): Promise<void> {
  if (!approval.isRequestedTold) onEvent(toRequestedEvent(approval));
  if (approval.status !== 'pending' && !approval.isResolvedTold) onEvent(toResolvedEvent(approval));
  if (!(await flush())) throw new Error('The event log can no longer be written.');
}

type Taken = ToolUseDecision | ToolUseResult;

/**
 * Turns a decided approval into the decision on the tool use, which takes effect once. Null: the same use beside this one
 * has taken up the client's result.
 */
async function takeUp(options: DeskOptions, approval: KnownApproval, use: ToolUse): Promise<Taken | null> {
  const { database, lease, run } = options;
  const { id, status, updatedInput, kind } = approval;
  const taker = { id, lease, attempt: run.attempt, toolUseId: toStorable(use.id) };
  if (status === 'cancelled') return { deny: `${use.name} was not allowed: the run was cancelled` };
  if (!(await persist(options, () => consumeApproval(database, taker)))) {
    if (kind === 'custom' && (await persist(options, () => find(options, toKey(use))))?.id !== id) return null;
    return {
      deny: `${use.name} was allowed and started in an earlier attempt that was interrupted. Its outcome is unknown: check whether it took effect before you do it again.`,
    };
  }
  if (status !== 'allowed') return { deny: describeDenial(approval, use) };
  if (kind === 'custom') return readResult(options, approval);
  if (updatedInput === null) return {};
  return { input: kind === 'question' ? { ...use.input, ...updatedInput } : updatedInput };
}

function describeDenial({ kind, status, reason }: KnownApproval, { name }: ToolUse): string {
  if (kind === 'custom') return `${name} gave no result in time`;
  const words = status === 'expired' ? 'Nobody has decided in time.' : (reason ?? 'No reason was given.');
  return `${kind === 'question' ? 'The question was not answered' : `${name} was denied by a person`}: ${words}`;
}

async function readResult(options: DeskOptions, { id }: KnownApproval): Promise<ToolUseResult> {
  const uses = await persist(options, () => readCustomToolUses(options.database, [id]));
  const result = uses.get(id)?.result ?? null;
  if (result === null) throw new Error(`The approval ${id} has no result.`);
  return { result };
}

/** Returns the same hash for the same input, whatever the order of its fields. */
function hashInput(input: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(toSorted(input)))
    .digest('hex');
}

function toSorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return fields.map(([name, item]: [string, unknown]) => [name, toSorted(item)]);
}
