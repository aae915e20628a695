import type { Agent } from '../config/config.ts';
import type { ToolRun } from '../config/tool-hooks.ts';
import type { NewEvent } from '../core/events.ts';
import type { RunLimits } from '../core/limits.ts';
import type { Micros } from '../core/money.ts';
import type { ContentPart } from '../core/prompt-parts.ts';
import type { ModelUsage } from '../core/usage.ts';
import type { Logger } from '../core/log.ts';
import type { AgentOutcome, ProviderFailure } from './outcome/agent-outcome.ts';
import type { ClaudeProcess, Telemetry } from './process/claude-spec.ts';
import type { Containment } from './containment/containment.ts';
import type { DecidedToolUse, UnfinishedToolUse } from './transcript/continuation.ts';
import type { Places } from './containment/places.ts';
import type { SandboxHost } from './sandbox/sandbox-host.ts';
import type { Spawner } from './spawner/spawner.ts';
import type { SaidBlock } from './transcript/progress.ts';
import type { AskForToolUse } from './tools/tool-use.ts';
import type { Transcript } from './transcript/transcript.ts';

/** The attempt that a Claude Code process executes. */
export interface AgentSpec {
  readonly attemptId: string;
  readonly runId: string;
  /** The session's id in events, a UUID. */
  readonly sessionId: string;
  /**
   * Claude Code's id of the conversation, also in the transcript, a UUID. Defaults to `sessionId`; a given `process`
   * has its own id.
   */
  readonly claudeSessionId?: string;
  /** The store of the conversation. Defaults to none. */
  readonly transcript?: Transcript | null;
  /**
   * True when an earlier attempt has begun, and this attempt continues where its transcript ends. Defaults to false.
   */
  readonly isResumed?: boolean;
  /**
   * A process to use instead of a new one: a spare, or a process that an earlier attempt kept. It must have been
   * started with the same agent, limits, workspace and token. It belongs to this attempt from now on, whatever happens;
   * if it cannot be used, because it has died or the attempt is resumed, it is closed and another one is started.
   */
  readonly process?: ClaudeProcess | null;
  /**
   * True when `process` has kept the conversation: the attempt continues it without reading its transcript. If the process
   * cannot be used, another one resumes the transcript. Defaults to false.
   */
  readonly hasConversation?: boolean;
  /** Set to keep the process alive after a success, for the same user's next attempt. Defaults to false. */
  readonly keepProcess?: boolean;
  /**
   * Called after a success: returns whether the process should be kept with its conversation, for the next attempt in it.
   * It takes precedence over `keepProcess`. Defaults to false.
   */
  readonly keepConversation?: () => boolean;
  /**
   * Awaited before each tool use, after `onEvent` has received the use; false denies the use. By default the use is
   * allowed: a tool may then take effect without any record of it.
   */
  readonly beforeToolUse?: () => Promise<boolean>;
  /**
   * Returns whether the run may still spend. Called before each tool use: without money left, no model would read the
   * tool's result, so the use is denied. Defaults to true.
   */
  readonly hasMoneyLeft?: () => boolean;
  /** Called with the id of a message to the attempt when Claude Code has taken it up. */
  readonly onMessageTakenUp?: (id: string) => void;
  /**
   * The facts about the run that hooks and in-process tools receive besides its id and agent. Defaults to a first
   * attempt without a user.
   */
  readonly facts?: Omit<ToolRun, 'id' | 'agent'>;
  /** Asks a person before each use of a tool in the agent's `ask`; the use waits. By default such a use is denied. */
  readonly askForToolUse?: AskForToolUse;
  /**
   * Tools that were running when earlier attempts ended. The model is informed about uses that the transcript lacks,
   * because the transcript lags a tenth of a second behind. Defaults to none.
   */
  readonly unfinishedToolUses?: readonly UnfinishedToolUse[];
  /**
   * The blocks of text of the main conversation that earlier attempts streamed, in order. Blocks that the transcript
   * lacks are reported as abandoned, because the model will write them again. Defaults to none.
   */
  readonly saidBefore?: readonly SaidBlock[];
  /** Tool uses that waited for a person when earlier attempts ended, with the decisions. Defaults to none. */
  readonly decidedToolUses?: readonly DecidedToolUse[];
  /** Sent unchanged: never on a command line, never expanded, never a command. */
  readonly prompt: string;
  /** The parts of the prompt, if it is more than a text. Defaults to null. */
  readonly promptParts?: readonly ContentPart[] | null;
  readonly agent: Agent;
  /** The limits of this run. A limit of 0 ends the attempt before a process is started. */
  readonly limits: RunLimits;
  /** Absolute and real; must exist. The agent's file tools cannot leave it. */
  readonly workspaceDir: string;
  /** The only way to a model, and a token that is valid only for this attempt. */
  readonly gateway: { readonly url: string; readonly token: string };
  /** Set to let the process export its own spans to the gateway. Defaults to none. */
  readonly telemetry?: Telemetry | null;
  /** Returns whether a model call is in progress. Without this function no process counts as hung. */
  readonly hasOpenModelCall?: () => boolean;
  /** Time for which the process may send no message while it waits for neither model nor tool. Defaults to 60,000. */
  readonly hungTimeoutMs?: number;
  /** Returns the last failure between gateway and provider, or null. Called once, when the outcome is judged. */
  readonly providerFailure: () => ProviderFailure | null;
  /** `undefined`: the Agent SDK's own executable; `null`: the SDK's own, then `PATH`; a text: that path. */
  readonly claudePath: string | null | undefined;
  /** The directory for the attempt's private directories, which are named after the attempt and removed at its end. */
  readonly scratchRoot: string;
  /** Called for each event, in order, until the report is ready. */
  readonly onEvent: (event: NewEvent) => void;
  readonly log?: Logger;
  /** The containment of its processes. Defaults to the strongest that this machine allows. */
  readonly containment?: Containment;
  /** Lists the places that are hidden from its processes, if a mount namespace is available. Defaults to none. */
  readonly findPlaces?: () => Promise<Places>;
  /** Serves the sandbox of the agent. Without it there is none, and an agent that requires one does not run. */
  readonly sandboxHost?: SandboxHost;
  /** Starts its processes. Defaults to this process itself. */
  readonly spawner?: Spawner;
  /** Time within which the process must send its first message. Defaults to 30,000. */
  readonly startTimeoutMs?: number;
}

/** The report of an attempt, as far as its process knows. */
export interface AgentReport {
  readonly outcome: AgentOutcome;
  /** Answers of the model in the main loop, including an unfinished one. */
  readonly turns: number;
  /** From the call of `startAgentProcess` to the proof that no process is left. */
  readonly durationMs: number;
  /** Claude Code's own estimate; null when it reported none. */
  readonly costMicros: Micros | null;
  /** Null when there was no report. */
  readonly modelUsage: Readonly<Record<string, ModelUsage>> | null;
  readonly toolUses: Readonly<Record<string, number>>;
  /** The exit code; null when the process was ended by us, also after its result, and when it was kept. */
  readonly exitCode: number | null;
  /** The signal that ended the process before its result, or null. */
  readonly signal: string | null;
  /** The last 1,000 characters. */
  readonly stderrTail: string;
  readonly claudeCodeVersion: string | null;
  /** The highest resident memory of all its processes that was measured; null without a process. */
  readonly peakMemoryBytes: number | null;
  /**
   * The process, waiting with an empty conversation or with its own, if it should be kept and could be. The caller must
   * close it.
   */
  readonly keptProcess: ClaudeProcess | null;
}
