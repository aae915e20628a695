import type { Agent } from '../../config/config.ts';
import type { RunLimits } from '../../core/limits.ts';
import type { ContentPart } from '../../core/prompt-parts.ts';
import type { Logger } from '../../core/log.ts';
import type { ClaudeSpending } from '../messages/result.ts';
import type { Breach, Refusal, Thrown } from '../outcome/agent-outcome.ts';
import type { Containment } from '../containment/containment.ts';
import type { Places } from '../containment/places.ts';
import type { SandboxConnection, SandboxHost } from '../sandbox/sandbox-host.ts';
import type { ClaudeChild } from './spawn-claude.ts';
import type { Spawner } from '../spawner/spawner.ts';
import type { SteeringMessage } from './steering.ts';
import type { ToolAttempt } from '../tools/tool-attempt.ts';
import type { Transcript } from '../transcript/transcript.ts';

/** The settings of a process that are fixed at its start. */
export interface ClaudeSpec {
  /** The mark of everything it starts: the attempt's id if it is used at once, otherwise its own id. */
  readonly processId: string;
  readonly agent: Agent;
  /** Turns, cost and thinking apply to each attempt it works for. A limit of 0 starts nothing. */
  readonly limits: RunLimits;
  /** Absolute and real; must exist. The agent's file tools cannot leave it. */
  readonly workspaceDir: string;
  /** The only way to a model, and a token that is useless until an attempt is admitted with it. */
  readonly gateway: { readonly url: string; readonly token: string };
  /** Set to let the process export its own spans to the gateway. Defaults to none. */
  readonly telemetry?: Telemetry | null | undefined;
  /** `undefined`: the Agent SDK's own executable; `null`: the SDK's own, then `PATH`; a text: that path. */
  readonly claudePath: string | null | undefined;
  /** The directory for the process's private directories, which are named after its id and removed with it. */
  readonly scratchRoot: string;
  /** Claude Code's id of the conversation, a UUID: new, or of the conversation to resume. */
  readonly claudeSessionId: string;
  /** The conversation to continue, or null for a new one. */
  readonly resumeFrom: Transcript | null;
  /** The containment of its processes. Defaults to the strongest that this machine allows. */
  readonly containment?: Containment | undefined;
  /**
   * Lists, at each start, the places that are hidden from its processes, if a mount namespace is available. Its own
   * directories and its executable are always visible. Defaults to none.
   */
  readonly findPlaces?: (() => Promise<Places>) | undefined;
  /** Serves the sandbox of its agent. Without it the process has none, and an agent that requires one does not run. */
  readonly sandboxHost?: SandboxHost | undefined;
  /** Starts its processes. Defaults to this process itself. */
  readonly spawner?: Spawner | undefined;
  /** Time within which it must send its first message. Defaults to 30,000. */
  readonly startTimeoutMs?: number | undefined;
  readonly log?: Logger | undefined;
}

/** The trace of a process that exports spans. */
export interface Telemetry {
  /** The span that its tools continue, as `traceparent`; null when it is not known at the start. */
  readonly traceparent: string | null;
}

/** A Claude Code process. It starts, waits for a prompt, works on it, and may wait for the next prompt. */
export interface ClaudeProcess {
  readonly id: string;
  readonly spec: ClaudeSpec;
  /** Resolves with null when the process waits for a prompt, or with the reason when it will not. Never rejects. */
  readonly ready: Promise<Refusal | null>;
  /** True when it can receive a prompt: it waits for one, or is still starting. */
  readonly isFree: boolean;
  /** Resolves when it has ended, or could not be started. */
  readonly exited: Promise<void>;
  /**
   * Ends the process and everything it has started, with proof, and removes its directories. Safe to call again. Never
   * rejects.
   */
  close(): Promise<void>;

  // The rest is for the attempt that uses the process.

  readonly launched: Promise<Launch>;
  /** Returns `value` without the directory of large results, for records that outlive the process. */
  hideResultPaths<T>(value: T): T;
  /** The time of its start, on the monotonic clock. */
  readonly startedAtMs: number;
  /** Number of prompts it has received. */
  readonly useCount: number;
  /** Hands over a prompt. From then on its messages go to `receiver`, and its entries to `transcript`. */
  ask(prompt: Prompt): void;
  /** Sends a message to the conversation in progress. */
  tell(message: SteeringMessage): void;
  /** Resolves when no more messages will come, with the SDK's error or null. */
  readonly listened: Promise<Thrown | null>;
  /** Resolves when the transcript has every entry. */
  flush(): Promise<void>;
  /** Ends the process in steps, see `terminate`, and receives its last messages. */
  end(how: Ending): Promise<void>;
  /** The spending of its conversation in its last result, which its next result contains too; null for none. */
  readonly spent: ClaudeSpending | null;
  /** Clears the conversation, so that the process waits for another prompt. Returns false when that failed. */
  reset(): Promise<boolean>;
  /**
   * Lets the process wait for the next prompt of its conversation. Returns false when it could not continue exactly as
   * a new process would.
   */
  pause(): Promise<boolean>;
}

export interface Prompt {
  readonly text: string;
  /** The parts of the prompt, if it is more than a text. Defaults to null. */
  readonly parts?: readonly ContentPart[] | null;
  /** Our own text that accompanies the prompt, or null. */
  readonly note: string | null;
  /** A UUID that is stored with the prompt in the transcript. */
  readonly uuid: string;
  readonly transcript: Transcript | null;
  readonly receiver: Receiver;
}

/** The attempt that a process works for; it receives the messages. */
export interface Receiver extends ToolAttempt {
  hear(message: unknown): void;
  /** Notes that a server that the process needs is missing, so that it did not receive the prompt. */
  noteServerProblem(breach: Breach): void;
  /** Notes a connection of the process. */
  noteConnection(connection: SandboxConnection): void;
}

export interface Ending {
  /** True when the process has sent all that matters. */
  readonly isFinished: boolean;
  /** If given, the process is interrupted first, and its result is awaited. */
  readonly resultCame?: Promise<void> | null;
}

export type Launch =
  | { readonly child: ClaudeChild }
  /** Nothing was started. */
  | { readonly refusal: Refusal }
  /** The SDK gave up before it started anything. */
  | { readonly thrown: Thrown | null };
