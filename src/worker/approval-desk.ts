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
import type { Lease } from '../run/append-events.ts';
import { toRequestedEvent, toResolvedEvent } from '../run/approval.ts';
import { consumeApproval, findApproval, requestApproval, type KnownApproval } from '../run/request-approval.ts';
import type { Run } from '../run/run.ts';
import { retryWhileAway } from './retry-while-away.ts';

interface DeskOptions {
  readonly database: Database;
  readonly run: Run;
  readonly lease: Lease;
  readonly agent: Agent;
  /** When the attempt's time is over, by the monotonic clock. */
  readonly endsAtMs: number;
  readonly onEvent: (event: NewEvent) => void;
  /** Resolves when the log has all that was said; false when it cannot any more. */
  readonly flush: () => Promise<boolean>;
  /** Ends the attempt, so that the run waits without it: for what cannot be put off. */
  readonly giveUp: () => void;
  readonly isLost: () => boolean;
  readonly log: Logger;
}

/** Where the tool uses of one attempt wait for a person. */
export interface ApprovalDesk {
  readonly ask: AskForToolUse;
  /** Something may have been decided. */
  look(): void;
  /** Nobody is waited for any longer: the worker leaves. */
  release(): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly toolUseId: string;
  readonly isSubagents: boolean;
  readonly resolve: (decided: KnownApproval | 'later') => void;
}

/** How long before the end of the attempt's time the process is given up: it has to end by then. */
const MARGIN_MS = 5_000;

/** How often is looked whether something was decided, where notifications are lost. */
const LOOK_EVERY_MS = 5_000;

/** A decision is waited for at most `holdSeconds`, from the first use that waits; then none is waited for any more. */
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
    if (approval === null) throw new Error('The run belongs to another attempt.');
    return { ...approval, isConsumed: false, isRequestedTold: false, isResolvedTold: false };
  }

  /** The log is this worker's to write while the run is at work; recording an event notes that it was told. */
  async function tell(approval: KnownApproval): Promise<void> {
    if (!approval.isRequestedTold) options.onEvent(toRequestedEvent(approval));
    if (approval.status !== 'pending' && !approval.isResolvedTold) options.onEvent(toResolvedEvent(approval));
    if (!(await options.flush())) throw new Error('The log cannot be written any more.');
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
    holdTimer ??= after(Math.max(0, toHoldMs()), release);
    stopLooking ??= every({ intervalMs: LOOK_EVERY_MS, task: look, onError: onLookFailed });
    // It may have been decided since it was read.
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
    return Math.min(agent.approvals.holdSeconds * 1_000, options.endsAtMs - MARGIN_MS - performance.now());
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

  const onLookFailed = (err: unknown) => log.warn({ err, runId: run.id }, 'approvals could not be read; trying again');
  const lookSoon = () => {
    if (waiting.size > 0) inBackground(look, onLookFailed);
  };

  function release(): void {
    isReleased = true;
    const uses = [...waiting.values()];
    // A subagent's use cannot be put off: the conversation is left where it is.
    if (uses.some(({ isSubagents }) => isSubagents)) return options.giveUp();
    for (const { resolve } of uses) resolve('later');
  }

  async function takeUp(approval: KnownApproval, use: ToolUse): Promise<ToolUseDecision> {
    const { id, status, reason, updatedInput, kind } = approval;
    const taker = { id, lease, attempt: run.attempt, toolUseId: toStorable(use.id) };
    if (status === 'cancelled') return { deny: `${use.name} was not approved: the run was cancelled` };
    if (!(await persist(() => consumeApproval(database, taker)))) {
      return {
        deny: `${use.name} was allowed, and begun in an earlier attempt that was interrupted. Its outcome is unknown: check whether it took effect before you do it again.`,
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

/** The same for the same input, in whatever order its fields are given. */
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
