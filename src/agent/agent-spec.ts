import type { Agent } from '../config/config.ts';
import type { RunErrorCode } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import type { RunLimits } from '../core/limits.ts';
import type { Micros } from '../core/money.ts';
import type { ModelUsage, TokenUsage } from '../core/usage.ts';
import type { Logger } from '../core/log.ts';
import type { Containment } from './containment.ts';

/** One attempt to be executed by one Claude Code process. */
export interface AgentSpec {
  readonly attemptId: string;
  readonly runId: string;
  /** A UUID. Claude Code's own name for the conversation. */
  readonly sessionId: string;
  /** Sent as it is: never on a command line, never expanded, never a command. */
  readonly prompt: string;
  readonly agent: Agent;
  /** Those in force for this run. A limit of 0 ends the attempt before a process is started. */
  readonly limits: RunLimits;
  /** Absolute and real; must exist. The file tools of the agent do not leave it. */
  readonly workspaceDir: string;
  /** The only way to a model, and a token that is good for this attempt alone. */
  readonly gateway: { readonly url: string; readonly token: string };
  /** What last went wrong between gateway and provider, or null. Asked once, when the outcome is judged. */
  readonly providerFailure: () => ProviderFailure | null;
  /** `undefined`: the Agent SDK's own executable; `null`: that, then `PATH`; a text: that path. */
  readonly claudePath: string | null | undefined;
  /** Private directories of the attempt are made under it, named by the attempt, and removed at its end. */
  readonly scratchRoot: string;
  /** Called for each event, in order, until the report is there. */
  readonly onEvent: (event: NewEvent) => void;
  readonly log?: Logger;
  /** What holds its processes together. Defaults to the strongest this machine allows. */
  readonly containment?: Containment;
  /** How long the process may take to say its first word. Defaults to 30,000. */
  readonly startTimeoutMs?: number;
}

/**
 * `kind` is one of `auth`, `rate_limit`, `overloaded`, `invalid_request`, `not_found`, `too_large`,
 * `server_error`, `silent`, `unreachable`, `refused`; another one counts as the provider's error.
 */
export interface ProviderFailure {
  readonly kind: string;
  readonly status: number | null;
  readonly message: string;
  /** For a call that our own rules refused: what the run ends with. */
  readonly code?: RunErrorCode;
}

export type StopReason = 'cancelled' | 'run_timeout' | 'handed_back' | 'lease_lost';

export type AgentOutcome =
  | { readonly status: 'succeeded'; readonly result: string; readonly structuredOutput?: unknown }
  /** `detail` is for operators only: it may hold paths and words of the provider. */
  | { readonly status: 'failed'; readonly code: RunErrorCode; readonly detail: string }
  | { readonly status: 'stopped'; readonly reason: StopReason };

/** How an attempt went, as far as its process can tell. */
export interface AgentReport {
  readonly outcome: AgentOutcome;
  /** Answers of the model in the main loop, an unfinished one included. */
  readonly turns: number;
  /** From the call of `startAgentProcess` to the proof that nothing is left running. */
  readonly durationMs: number;
  /** Claude Code's own estimate; null when it did not get to report one. */
  readonly costMicros: Micros | null;
  /** The sum of `modelUsage`; null when there was no report. */
  readonly usage: TokenUsage | null;
  readonly modelUsage: Readonly<Record<string, ModelUsage>> | null;
  /** Whether a model was priced by guess, because Claude Code does not know it. */
  readonly isCostBasisUnknown?: boolean;
  readonly toolUses: Readonly<Record<string, number>>;
  /** Tool uses that were refused, by the workspace guard too. */
  readonly permissionDenials: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last 1,000 characters. */
  readonly stderrTail: string;
  readonly claudeCodeVersion: string | null;
  readonly pid: number | null;
}
