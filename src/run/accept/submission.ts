import type { Agent } from '../../config/config.ts';
import type { RunLimits } from '../../core/limits.ts';
import type { AttachedFile, PromptPart } from '../../core/prompt-parts.ts';
import type { StoredTrace } from '../../core/run-trace.ts';
import type { NewFile } from '../attachments/files.ts';

/** A submission that has been validated against its agent. */
export interface Submission {
  readonly agent: Pick<Agent, 'name' | 'queue' | 'retry' | 'whileBusy'>;
  /** The texts of the prompt. */
  readonly prompt: string;
  /** The parts of the prompt, with its files, which are stored already. Defaults to null: it is a text alone. */
  readonly parts?: readonly PromptPart[] | null;
  /**
   * Files that come before the prompt, of which some are stored only when the submission is accepted: they then are its `parts`.
   * Defaults to none.
   */
  readonly attachments?: readonly (AttachedFile | NewFile)[];
  readonly user: string | null;
  /** The team whose budget it counts for beside its user's, or null. */
  readonly team: string | null;
  /**
   * The team that the user belongs to: the team of a caller that is bound to one. Defaults to null: the user is the
   * application's.
   */
  readonly tenant?: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Higher priorities are claimed first. */
  readonly priority: number;
  readonly startAfter: Date | null;
  /** The limits in force: the agent's, lowered where the submission requests it. */
  readonly limits: RunLimits;
  /** The limits that the submission named. */
  readonly requestedLimits: Partial<RunLimits>;
  /** The session that it continues or forks. Defaults to a new one. */
  readonly session?: { readonly id: string; readonly isFork: boolean } | null;
  /** The run that it retries by hand; null for a new one. */
  readonly retryOf: string | null;
  /** True when it is rejected if another run already retries that one. Defaults to false. */
  readonly isOnlyRetry?: boolean;
  readonly idempotencyKey: string | null;
  /** The owner of the idempotency key. Defaults to the API key that submits. */
  readonly idempotencyOwner?: string;
  /** The address notified when the run ends or waits. Defaults to none; for a retry, to the first run's address. */
  readonly webhookUrl?: string | null;
  /** The schedule that submits it, and its tick; null: the schedule was triggered by hand. Defaults to none. */
  readonly schedule?: { readonly id: string; readonly tickAt: Date | null };
  /** The trace that it belongs to. Defaults to none: the run begins a trace. */
  readonly trace?: StoredTrace | null;
  /** The actor for the audit record. Defaults to the API key that submits. */
  readonly actor?: string;
  /** The API key that submits. */
  readonly createdBy: string;
}
