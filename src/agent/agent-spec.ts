import type { Agent } from '../config/config.ts';
import type { ToolRun } from '../config/tool-hooks.ts';
import type { NewEvent } from '../core/events.ts';
import type { RunLimits } from '../core/limits.ts';
import type { Micros } from '../core/money.ts';
import type { ModelUsage, TokenUsage } from '../core/usage.ts';
import type { Logger } from '../core/log.ts';
import type { AgentOutcome, ProviderFailure } from './agent-outcome.ts';
import type { ClaudeProcess } from './claude-spec.ts';
import type { Containment } from './containment.ts';
import type { DecidedToolUse, UnfinishedToolUse } from './continuation.ts';
import type { Places } from './places.ts';
import type { AskForToolUse } from './tool-use.ts';
import type { Transcript } from './transcript.ts';

/** One attempt to be executed by one Claude Code process. */
export interface AgentSpec {
  readonly attemptId: string;
  readonly runId: string;
  /** A UUID: the conversation, as events name it. */
  readonly sessionId: string;
  /** A UUID: what Claude Code calls it, in the transcript too. Defaults to `sessionId`; one of `process` is its own. */
  readonly claudeSessionId?: string;
  /** Where the conversation is kept. Defaults to nowhere. */
  readonly transcript?: Transcript | null;
  /** Whether an earlier attempt has begun, and this one goes on where its transcript ends. Defaults to false. */
  readonly isResumed?: boolean;
  /**
   * A process to be used instead of one started now: a spare, or one kept from an earlier attempt. It must have been
   * started with the same agent, limits, workspace and token. It is this attempt's from now on, whatever happens; one
   * that is of no use, because it has died or the attempt is resumed, is closed, and another one started.
   */
  readonly process?: ClaudeProcess | null;
  /** Whether to leave the process alive after a success, for the same user's next attempt. Defaults to false. */
  readonly keepProcess?: boolean;
  /**
   * Awaited before each use of a tool, once `onEvent` has been told of it; false refuses the use. Defaults to allowing
   * it: then a tool may have taken effect that nobody knows was used.
   */
  readonly beforeToolUse?: () => Promise<boolean>;
  /** Told of a message, by its id, that was said into the attempt and that Claude Code has taken up. */
  readonly onMessageTakenUp?: (id: string) => void;
  /** What hooks and in-process tools are told of the run beside its id and agent. Defaults to its first attempt, for nobody. */
  readonly facts?: Omit<ToolRun, 'id' | 'agent'>;
  /**
   * Asks a person before each use of a tool that the agent's `ask` names; the use waits. Defaults to nobody: such a use
   * is denied.
   */
  readonly askForToolUse?: AskForToolUse;
  /**
   * Tools that were at work when earlier attempts ended. The model is told of those that the transcript does not
   * have, which lags behind by a tenth of a second. Defaults to none.
   */
  readonly unfinishedToolUses?: readonly UnfinishedToolUse[];
  /** Tool uses that waited for a person when earlier attempts ended, and what was decided. Defaults to none. */
  readonly decidedToolUses?: readonly DecidedToolUse[];
  /** Sent as it is: never on a command line, never expanded, never a command. */
  readonly prompt: string;
  readonly agent: Agent;
  /** Those in force for this run. A limit of 0 ends the attempt before a process is started. */
  readonly limits: RunLimits;
  /** Absolute and real; must exist. The file tools of the agent do not leave it. */
  readonly workspaceDir: string;
  /** The only way to a model, and a token that is good for this attempt alone. */
  readonly gateway: { readonly url: string; readonly token: string };
  /** Whether a call of the model is under way. Without it nothing is ever taken for hung. */
  readonly hasOpenModelCall?: () => boolean;
  /** How long the process may say nothing while it waits for neither model nor tool. Defaults to 60,000. */
  readonly hungTimeoutMs?: number;
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
  /** What is hidden from its processes where a mount namespace is to be had. Defaults to nothing. */
  readonly findPlaces?: () => Promise<Places>;
  /** How long the process may take to say its first word. Defaults to 30,000. */
  readonly startTimeoutMs?: number;
}

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
  /** What it has left with; null when it was ended, also after its result, and when it was kept. */
  readonly exitCode: number | null;
  /** What has ended it before its result, or null. */
  readonly signal: string | null;
  /** The last 1,000 characters. */
  readonly stderrTail: string;
  readonly claudeCodeVersion: string | null;
  readonly pid: number | null;
  /** The most resident memory its processes held together, as far as it was seen; null when it had none. */
  readonly peakMemoryBytes: number | null;
  /** The process, waiting with an empty conversation, when it was to be kept and could be. It is the caller's to close. */
  readonly keptProcess: ClaudeProcess | null;
}
