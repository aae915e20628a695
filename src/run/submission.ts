import type { Agent } from '../config/config.ts';
import type { RunLimits } from '../core/limits.ts';

/** A submission that has been validated against its agent. */
export interface Submission {
  readonly agent: Pick<Agent, 'name' | 'queue' | 'retry' | 'whileBusy'>;
  readonly prompt: string;
  readonly user: string | null;
  /** Whose budget it counts for beside its user's, or null. */
  readonly team: string | null;
  /** The team whose user it is: that of a caller that is bound to one. Defaults to null: the user is the application's. */
  readonly tenant?: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Higher goes first. */
  readonly priority: number;
  readonly startAfter: Date | null;
  /** Those in force: the agent's, lowered where the submission asked for it. */
  readonly limits: RunLimits;
  /** Those the submission named. */
  readonly requestedLimits: Partial<RunLimits>;
  /** The conversation it goes on with, or begins a branch of. Defaults to a new one. */
  readonly session?: { readonly id: string; readonly isFork: boolean } | null;
  /** The run it tries once more, by hand; null for a new one. */
  readonly retryOf: string | null;
  /** Whether it is refused when another run tries that one again already. Defaults to false. */
  readonly isOnlyRetry?: boolean;
  readonly idempotencyKey: string | null;
  /** Whose idempotency key it is. Defaults to the API key that submits. */
  readonly idempotencyOwner?: string;
  /** Told when it ends or waits. Defaults to nobody, and for a run that tries another again to whom that one told. */
  readonly webhookUrl?: string | null;
  /** The schedule that makes it, and the tick it is for; null: it was triggered by hand. Defaults to none. */
  readonly schedule?: { readonly id: string; readonly tickAt: Date | null };
  /** Who asks for it, for the audit record. Defaults to the API key that submits. */
  readonly actor?: string;
  /** The API key that submits. */
  readonly createdBy: string;
}
