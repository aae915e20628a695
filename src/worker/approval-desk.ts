import { createHash } from 'node:crypto';
import { toStorableJson } from '../agent/storable-json.ts';
import { QUESTION_TOOL, type AskForToolUse, type ToolUse, type ToolUseDecision } from '../agent/tool-use.ts';
import type { Agent } from '../config/config.ts';
import { every } from '../core/every.ts';
import type { NewEvent } from '../core/events.ts';
import { guarded, inBackground } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { maskSecretsIn } from '../core/mask-secrets.ts';
import { toStorable } from '../core/text.ts';
import { after } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import type { Lease } from '../run/log/append-events.ts';
import { toRequestedEvent, toResolvedEvent } from '../run/approvals/approval.ts';
import {
  consumeApproval,
  findApproval,
  requestApproval,
  type KnownApproval,
} from '../run/approvals/request-approval.ts';
import type { Run } from '../run/run.ts';
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
  readonly isLost: () => boolean;
  readonly log: Logger;
}

/** Handles the tool uses of one attempt that wait for a person. */
export interface ApprovalDesk {
  readonly ask: AskForToolUse;
  /** Checks for decisions. Call it when a decision may have been made. */
  look(): void;
  /** Stops waiting for decisions, because the worker is stopping. */
  release(): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly toolUseId: string;
  readonly isSubagents: boolean;
  readonly resolve: (decided: KnownApproval | 'later') => void;
}

/** Margin before the end of the attempt's time at which the process is given up, so that it can end in time. */
const MARGIN_MS = 5_000;

/** Interval of the poll for decisions, for the case that a notification was lost. */
const LOOK_EVERY_MS = 5_000;

/**
 * Creates the desk. It waits at most `holdSeconds` for a decision, counted from the first use that waits; after that it
 * waits for none. When a subagent's use is among them, it waits as long as the attempt's time allows, because the
 * subagent's work and cost are lost with its process. With `holdSeconds: 0` it never waits.
 */
export function createApprovalDesk(options: DeskOptions): ApprovalDesk {
  const { database, run, lease, agent, isLost, log } = options;
  const waiting = new Map<string, Waiting>();
  const persist = <T>(work: () => Promise<T>) => retryWhileAway(work, { isLost });
  let isReleased = false;
  let holdTimer: NodeJS.Timeout | undefined;
  let stopLooking: (() => Promise<void>) | null = null;

  const ask: AskForToolUse = async (use, signal) => {
    const known = (await persist(() => find(use))) ?? (await request(use));
    await tell(known);
    const decided = known.status === 'pending' ? await untilDecided(known, { use, signal }) : known;
    if (decided === 'later') return 'later';
    if (decided !== known) await tell({ ...decided, isRequestedTold: true });
    return takeUp(decided, use);
  };

  const find = (use: ToolUse) =>
    findApproval(database, {
      runId: run.id,
      attempt: run.attempt,
      toolUseId: toStorable(use.id),
      tool: toStorable(use.name),
      inputHash: hashInput(use.input),
    });

  async function request(use: ToolUse): Promise<KnownApproval> {
    const approval = await persist(() =>
      requestApproval(database, {
        lease,
        toolUseId: toStorable(use.id),
        kind: use.name === QUESTION_TOOL ? 'question' : 'tool',
        tool: toStorable(use.name),
        input: maskSecretsIn(toStorableJson(use.input)),
        inputHash: hashInput(use.input),
        subagent: use.subagent,
        expireSeconds: agent.approvals.expireSeconds,
      }),
    );
    if (approval === null) throw new Error('The lease of the run belongs to another attempt.');
    return { ...approval, isConsumed: false, isRequestedTold: false, isResolvedTold: false };
  }

  /**
   * Records the approval's events. Only this worker writes the log while the run is in progress; recording an event
   * also marks it as recorded.
   */
  async function tell(approval: KnownApproval): Promise<void> {
    if (!approval.isRequestedTold) options.onEvent(toRequestedEvent(approval));
    if (approval.status !== 'pending' && !approval.isResolvedTold) options.onEvent(toResolvedEvent(approval));
    if (!(await options.flush())) throw new Error('The event log can no longer be written.');
  }

  function untilDecided(
    approval: KnownApproval,
    { use, signal }: { use: ToolUse; signal: AbortSignal },
  ): Promise<KnownApproval | 'later'> {
    const { promise, resolve, reject } = Promise.withResolvers<KnownApproval | 'later'>();
    const onAbort = guarded(() => reject(new Error('The attempt has ended.')));
    waiting.set(approval.id, { toolUseId: approval.tool.useId, isSubagents: use.subagent !== null, resolve });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    holdTimer ??= after(Math.max(0, toHoldMs()), onHeld);
    stopLooking ??= every({ intervalMs: LOOK_EVERY_MS, task: look, onError: onLookFailed });
    // A decision may have been made since the approval was read.
    lookSoon();
    if (isReleased) release();
    return promise.finally(() => {
      waiting.delete(approval.id);
      signal.removeEventListener('abort', onAbort);
      if (waiting.size > 0) return;
      clearTimeout(holdTimer);
      holdTimer = undefined;
    });
  }

  function toHoldMs(): number {
    return Math.min(agent.approvals.holdSeconds * 1_000, toLeftMs());
  }

  /** Returns the time until the process must be given up in any case. */
  function toLeftMs(): number {
    return options.endsAtMs - MARGIN_MS - performance.now();
  }

  function onHeld(): void {
    const leftMs = toLeftMs();
    const isWorkAtStake =
      agent.approvals.holdSeconds > 0 && [...waiting.values()].some(({ isSubagents }) => isSubagents);
    if (isWorkAtStake && leftMs > 0) holdTimer = after(leftMs, release);
    else release();
  }

  async function look(): Promise<void> {
    for (const [id, { toolUseId, resolve }] of waiting) {
      const found = await findApproval(database, {
        runId: run.id,
        attempt: run.attempt,
        toolUseId,
        tool: '',
        inputHash: '',
      });
      if (found === null || found.status === 'pending' || found.id !== id) continue;
      resolve(found);
    }
  }

  const onLookFailed = (err: unknown) =>
    log.warn({ err, runId: run.id }, 'approvals could not be read; the worker retries');
  const lookSoon = () => {
    if (waiting.size > 0) inBackground(look, onLookFailed);
  };

  function release(): void {
    isReleased = true;
    const uses = [...waiting.values()];
    // A subagent's use cannot be deferred, so the process is stopped where it is.
    if (uses.some(({ isSubagents }) => isSubagents)) return options.giveUp();
    for (const { resolve } of uses) resolve('later');
  }

  async function takeUp(approval: KnownApproval, use: ToolUse): Promise<ToolUseDecision> {
    const { id, status, reason, updatedInput, kind } = approval;
    const taker = { id, lease, attempt: run.attempt, toolUseId: toStorable(use.id) };
    if (status === 'cancelled') return { deny: `${use.name} was not allowed: the run was cancelled` };
    if (!(await persist(() => consumeApproval(database, taker)))) {
      return {
        deny: `${use.name} was allowed and started in an earlier attempt that was interrupted. Its outcome is unknown: check whether it took effect before you do it again.`,
      };
    }
    if (status !== 'allowed') {
      const words = status === 'expired' ? 'Nobody has decided in time.' : (reason ?? 'No reason was given.');
      return {
        deny: `${kind === 'question' ? 'The question was not answered' : `${use.name} was denied by a person`}: ${words}`,
      };
    }
    if (updatedInput === null) return {};
    return { input: kind === 'question' ? { ...use.input, ...updatedInput } : updatedInput };
  }

  return {
    ask,
    look: lookSoon,
    release,
    async close() {
      clearTimeout(holdTimer);
      await stopLooking?.();
    },
  };
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
