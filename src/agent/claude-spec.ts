import type { Agent } from '../config/config.ts';
import type { ToolRun } from '../config/tool-hooks.ts';
import type { RunLimits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import type { MachineFault } from '../core/machine-fault.ts';
import type { Breach, Refusal } from './agent-outcome.ts';
import type { Containment } from './containment.ts';
import type { Places } from './places.ts';
import type { ClaudeChild } from './spawn-claude.ts';
import type { SteeringMessage } from './steering.ts';
import type { AskForToolUse, ToolUse } from './tool-use.ts';
import type { Transcript } from './transcript.ts';
import type { Denial } from './workspace-guard.ts';

/** What is fixed from the start of a process. */
export interface ClaudeSpec {
  /** The mark of everything it starts: the attempt's id for one that is used at once, else one of its own. */
  readonly processId: string;
  readonly agent: Agent;
  /** Turns, cost and thinking hold for each attempt it works for. A limit of 0 starts nothing. */
  readonly limits: RunLimits;
  /** Absolute and real; must exist. The file tools of the agent do not leave it. */
  readonly workspaceDir: string;
  /** The only way to a model, and a token that passes nothing until an attempt is let in with it. */
  readonly gateway: { readonly url: string; readonly token: string };
  /** `undefined`: the Agent SDK's own executable; `null`: that, then `PATH`; a text: that path. */
  readonly claudePath: string | null | undefined;
  /** Private directories of the process are made under it, named by its id, and removed with it. */
  readonly scratchRoot: string;
  /** A UUID: what Claude Code calls the conversation, a new one or the one to be resumed. */
  readonly claudeSessionId: string;
  /** The conversation to go on with, or null for a new one. */
  readonly resumeFrom: Transcript | null;
  /** What holds its processes together. Defaults to the strongest this machine allows. */
  readonly containment?: Containment | undefined;
  /**
   * Says, for each start, what is hidden from its processes where a mount namespace is to be had. Its own directories and
   * its executable are always seen. Defaults to nothing.
   */
  readonly findPlaces?: (() => Promise<Places>) | undefined;
  /** How long it may take to its first word. Defaults to 30,000. */
  readonly startTimeoutMs?: number | undefined;
  readonly log?: Logger | undefined;
}

/** A Claude Code process: it is started, waits for a prompt, works on it, and may wait for the next. */
export interface ClaudeProcess {
  readonly id: string;
  readonly spec: ClaudeSpec;
  /** Settles when it waits for a prompt, with null, or when it will not, with the reason. Never rejects. */
  readonly ready: Promise<Refusal | null>;
  /** Whether it waits for a prompt at this moment. */
  readonly isUsable: boolean;
  /** Whether a prompt may be handed over: it waits for one, or is on its way to. */
  readonly isFree: boolean;
  /** Resolves when it has ended, or could not be started. */
  readonly exited: Promise<void>;
  /** Ends it and all it has started, with proof, and removes its directories. Safe to call again. Never rejects. */
  close(): Promise<void>;

  // What follows is for the attempt that uses it.

  readonly launched: Promise<Launch>;
  /** When it was started, by the monotonic clock. */
  readonly startedAtMs: number;
  /** How many prompts it was given. */
  readonly useCount: number;
  /** Hands over a prompt: from now on what it says is for `receiver`, and what it writes for `transcript`. */
  ask(prompt: Prompt): void;
  /** Says something into the conversation at work. */
  tell(message: SteeringMessage): void;
  /** Resolves when nothing more will be heard, with what the SDK threw, or null. */
  readonly listened: Promise<Thrown | null>;
  /** Resolves when the transcript has all that was written. */
  flush(): Promise<void>;
  /** Ends it by the ladder, see `terminate`, and hears its last words. */
  end(how: Ending): Promise<void>;
  /** Has the conversation forgotten, so that it waits for another's prompt. False when that did not work. */
  reset(): Promise<boolean>;
}

export interface Prompt {
  readonly text: string;
  /** Words of ours that go with it, or null. */
  readonly note: string | null;
  /** A UUID, kept with the prompt in the transcript. */
  readonly uuid: string;
  readonly transcript: Transcript | null;
  readonly receiver: Receiver;
}

/** Who is told what the process says. */
export interface Receiver {
  /** The run that the process works for. */
  readonly run: ToolRun;
  /** Asks a person whether a tool may be used; null when there is nobody to ask. */
  readonly ask: AskForToolUse | null;
  hear(message: unknown): void;
  /** A tool use was refused by the gate. */
  noteDenial(denial: Denial): void;
  /** The result of a tool use is not to be had: what comes in its place says so. */
  noteFailedResult(toolUseId: string): void;
  /**
   * Resolves when it is on record that a tool use begins, and with what where its input was changed; false when it may
   * not.
   */
  mayBegin(toolUseId: string, changed: ToolUse | null): Promise<boolean>;
  /** The process is not fit for the prompt, which it was not given. */
  noteUnfit(breach: Breach): void;
}

export interface Ending {
  /** Whether it has said all there is to hear. */
  readonly isFinished: boolean;
  /** When given it is interrupted first, and this waited for: the result that follows. */
  readonly resultCame?: Promise<void> | null;
}

export type Launch =
  | { readonly child: ClaudeChild }
  /** Nothing was started. */
  | { readonly refusal: Refusal }
  /** The SDK gave up before it started anything. */
  | { readonly thrown: Thrown | null };

export interface Thrown {
  readonly errorClass: string | null;
  readonly message: string;
  /** What the machine lacked, where it was that. */
  readonly fault?: MachineFault | null;
}
